"""The residents' wording of every reason, from one catalogue."""

import tomllib
from functools import cache
from importlib.resources import files

from altgate.protocol import names

LANGUAGES = ("en", "zh-CN")


@cache
def catalog() -> dict[str, dict[str, str]]:
    """Reason name to language to text."""
    return tomllib.loads((files(__name__) / "catalog.toml").read_text(encoding="utf-8"))


@cache
def words() -> dict[str, dict[str, dict[str, str]]]:
    """``kind``, ``method`` and ``consent`` (a state): name to language to text."""
    return tomllib.loads((files(__name__) / "words.toml").read_text(encoding="utf-8"))


@cache
def demo_texts() -> dict[str, dict[str, str]]:
    """The demo page's texts: name to language to text."""
    return tomllib.loads((files(__name__) / "demo.toml").read_text(encoding="utf-8"))


@cache
def check_texts() -> dict[str, dict[str, dict[str, str]]]:
    """``part``, ``remedy``, ``duty`` and ``word`` of a door's check: name to language to text."""
    return tomllib.loads((files(__name__) / "check.toml").read_text(encoding="utf-8"))


def reason_text(code: int, language: str = "en") -> str:
    """What to tell a resident about a reason code; a code from a newer door is given as its number."""
    name = names.REASONS.get(code)
    return catalog()[name][language] if name else str(code)
