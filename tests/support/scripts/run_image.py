"""Runs the firmware in its ROMFS image."""

import rom_image  # noqa: F401

import main  # noqa: F401
