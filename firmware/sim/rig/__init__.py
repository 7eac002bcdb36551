"""The bench around the simulated board: its process, and the chips, cards and keys on its buses.

Runs on CPython. `board.Board` is the way in; the chips speak their real byte protocols and share no code
with the firmware, so that each checks the other.
"""
