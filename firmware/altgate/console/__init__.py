"""The serial line: provisioning, then only what the door's key asks for."""
