"""Who may enter: decide() and what it weighs. Pure: no input, no output, no clock of its own."""
