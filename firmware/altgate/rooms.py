"""Modules that are rarely needed, let go again so that memory is free for what is."""

import sys


def forget(*names):
    """Let go of modules, by their whole names; who still holds something of one keeps that."""
    for name in names:
        sys.modules.pop(name, None)
        package, _, leaf = name.rpartition(".")
        # A package keeps what was imported from it as an attribute.
        if hasattr(sys.modules.get(package), leaf):
            delattr(sys.modules[package], leaf)
