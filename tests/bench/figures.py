"""One line a figure: ``subject.name value unit (bar OP limit) ok|SHORT``; and a page of them all."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from conftest import ROOT

PAGE = ROOT / "docs" / "figures.md"
TITLE = """# Figures

Made by `make figures`, which is `make bench` with this page as its end. Counts are exact. Times are those of
the machine of that day and of the PC port of MicroPython; none was measured on an ESP32.
"""

_HOLDS = {
    "<=": lambda value, limit: value <= limit,
    ">=": lambda value, limit: value >= limit,
    "==": lambda value, limit: value == limit,
}


@dataclass(frozen=True)
class Figure:
    """A measured value and its bar; ``op`` is empty for a figure that is only printed."""

    name: str
    value: float
    unit: str
    op: str = ""
    limit: float = 0

    @property
    def is_short(self) -> bool:
        """Whether the bar is missed."""
        return bool(self.op) and not _HOLDS[self.op](self.value, self.limit)

    def __str__(self) -> str:
        shown = f"{self.name} {self.value:.10g} {self.unit}"
        if not self.op:
            return f"{shown} (no bar) ok"
        return f"{shown} (bar {self.op} {self.limit:g}) {'SHORT' if self.is_short else 'ok'}"


def page(figures: Iterable[Figure]) -> str:
    """The page, with a table for each subject."""
    lines = [TITLE, f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} processors."]
    by_subject: dict[str, list[Figure]] = {}
    for figure in figures:
        by_subject.setdefault(figure.name.split(".")[0], []).append(figure)
    for subject, held in by_subject.items():
        lines += ["", f"## {subject}", "", "| figure | value | bar |", "| --- | --- | --- |"]
        for figure in held:
            bar = f"{figure.op} {figure.limit:g}" if figure.op else ""
            missed = " **missed**" if figure.is_short else ""
            lines.append(f"| `{figure.name}` | {figure.value:.10g} {figure.unit} | {bar}{missed} |")
    return "\n".join(lines) + "\n"
