"""Chips and modules on a bus; nothing here imports upward."""
