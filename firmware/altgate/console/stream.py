"""Two languages on one wire: lines of text, and Improv frames that may hold any byte, newlines too."""

from protocol import improv, limits

LINE = 0
FRAME = 1
SPOILT = 2

_HEADER = len(improv.HEADER)
_ENDS = (b"\n", b"\r")


class Stream:
    """Takes bytes and gives, one after the other, what they were; never holds more than a frame and a line.

    A frame begins with its header, wherever that stands: the byte behind IMPROV is in no line of text. What
    then turns out to be no frame is read once more from behind its header, so that nothing in it is lost.
    """

    def __init__(self):
        self._bytes = b""
        self._long = b""  # the beginning of a line that is too long
        self._is_given_up = False  # what is held now began with a frame that was cut short

    def feed(self, data):
        """Add bytes that came."""
        self._bytes += data

    def next(self):
        """``(LINE, bytes without its end)``, ``(FRAME, type and content)``, ``(SPOILT, None)`` for a wrong
        checksum; None until more has come. Of a line too long one byte more than the limit is kept."""
        while True:
            at = self._bytes.find(improv.HEADER)
            line = self._line(at)
            if line:
                return LINE, line
            if line is not None:
                continue
            if at < 0:
                self._keep()
                return None
            found = self._frame(at)
            if found or not self._is_given_up:
                return found
            self._bytes = self._bytes[_HEADER:]

    def give_up(self):
        """Nothing has come for a while: a frame that is not whole now is none, and what comes next is not the
        rest of it. Returns whether there was one, so that next() may give something."""
        # Whatever was whole has been taken out, so that the header of what is not stands first.
        self._is_given_up = self._bytes.startswith(improv.HEADER)
        return self._is_given_up

    def _line(self, before):
        """The line that ends before this place, empty where there is nothing in it; None for no end."""
        ends = [end for end in [self._bytes.find(end) for end in _ENDS] if end >= 0]
        if not ends or 0 <= before < min(ends):
            return None
        end = min(ends)
        line, self._bytes = self._long + self._bytes[:end], self._bytes[end + 1 :]
        self._long = b""
        return line[: limits.CONSOLE_LINE_BYTES + 1]

    def _frame(self, at):
        # A line that a header has cut short is nothing.
        self._bytes, self._long = self._bytes[at:], b""
        data = self._bytes
        if len(data) < _HEADER + 2:
            return None
        end = _HEADER + 2 + data[_HEADER + 1]
        if len(data) <= end:
            return None
        if sum(data[:end]) & 0xFF != data[end]:
            self._bytes = data[_HEADER:]
            return SPOILT, None
        self._bytes = data[end + 1 :]
        return FRAME, data[_HEADER : _HEADER + 1] + data[_HEADER + 2 : end]

    def _keep(self):
        """Of a line without end keep what shows that it is too long, and what may begin a header."""
        if self._is_given_up:
            self._bytes, self._is_given_up = b"", False
        if len(self._bytes) > limits.CONSOLE_LINE_BYTES + _HEADER:
            self._long = self._long or self._bytes[: limits.CONSOLE_LINE_BYTES + 1]
            self._bytes = self._bytes[1 - _HEADER :]
