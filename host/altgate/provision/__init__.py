"""Giving a bare board its identity over the serial line."""
