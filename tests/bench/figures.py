"""One line a figure: ``subject.name value unit (bar OP limit) ok|SHORT``."""

from dataclasses import dataclass

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
