"""Keys: the master key file, what is sealed under it, what is derived from a door's key, the CA."""
