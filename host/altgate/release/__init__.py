"""Images of the firmware: made, signed, and looked at."""
