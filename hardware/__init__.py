"""Board files, the flash map and what is made from them; to the host this folder is altgate.hardware."""
