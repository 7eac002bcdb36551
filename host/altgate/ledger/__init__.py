"""The audit: a hash chain over what the doors reported and what the managers changed."""
