"""Libraries of the extra ``install``, which only whoever makes images and boards needs."""

import importlib
from types import ModuleType

from altgate.errors import Refused


def needed(module: str) -> ModuleType:
    """Import one of them; raises Refused where it is not there."""
    try:
        return importlib.import_module(module)
    except ImportError:
        raise Refused(f"{module} is missing: install altgate with its extra, altgate[install].") from None
