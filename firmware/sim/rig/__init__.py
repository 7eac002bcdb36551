"""The board's surroundings on a PC: its supply, its serial cable and, on its buses, the chips."""
