"""What is told to people who check a door: read from what it left, without its own code."""
