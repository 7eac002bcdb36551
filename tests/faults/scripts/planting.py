"""Faults of the product for controls. Runs on MicroPython and on CPython."""

import sys

_sources = {}  # of modules in which something was exchanged already


def plant(name, old, new):
    """Run a module of the product again with one piece of its source exchanged."""
    __import__(name)
    module = sys.modules[name]
    if name not in _sources:
        with open(module.__file__) as file:
            _sources[name] = file.read()
    source = _sources[name]
    if source.count(old) != 1:
        raise ValueError("the planted fault no longer fits %s: %r" % (name, old))
    _sources[name] = source.replace(old, new)
    exec(compile(_sources[name], module.__file__, "exec"), module.__dict__)
