"""``python -m altgate``."""

from altgate.cli import main

main()
