"""Short modules over cryptolib and hashlib; nothing here imports upward."""
