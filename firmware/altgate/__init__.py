"""Everything that runs on the door."""

VERSION = "0.1.0"
