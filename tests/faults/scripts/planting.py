"""Faults of the product for controls. Runs on MicroPython and on CPython."""

import sys


def plant(name, old, new):
    """Run a module of the product again with one piece of its source exchanged."""
    __import__(name)
    module = sys.modules[name]
    with open(module.__file__) as file:
        source = file.read()
    if source.count(old) != 1:
        raise ValueError("the planted fault no longer fits %s: %r" % (name, old))
    exec(compile(source.replace(old, new), module.__file__, "exec"), module.__dict__)
