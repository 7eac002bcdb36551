"""The key whose signature makes an image a release, as `altgate release key` writes it; empty for none."""

PUBLIC_KEY = b""
