"""altgate's host: the building's server, its register of doors and residents, and the installer's tool."""

__version__ = "0.1.0"
