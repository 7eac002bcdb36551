"""Keys of a matrix keypad as the pins they join."""

from collections.abc import Sequence


class Matrix:
    """``keys`` holds one string a row; ``rows`` and ``columns`` the pin numbers."""

    def __init__(self, rows: Sequence[int], columns: Sequence[int], keys: Sequence[str]) -> None:
        if len(rows) != len(keys) or any(len(line) != len(columns) for line in keys):
            raise ValueError("a keypad has a key for every row and column")
        self.rows, self.columns = tuple(rows), tuple(columns)
        self._at = {
            key: (row, column)
            for row, line in zip(rows, keys, strict=True)
            for column, key in zip(columns, line, strict=True)
        }

    def pins(self, key: str) -> tuple[int, int]:
        """(row pin, column pin) that the key joins; ValueError where the keypad has no such key."""
        if key not in self._at:
            raise ValueError(f"the keypad has no key {key!r}")
        return self._at[key]
