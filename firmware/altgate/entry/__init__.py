"""Ways in: a channel turns a reader's bytes into a claim; it knows nothing of the door."""
