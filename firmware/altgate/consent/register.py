"""The consents given at this door, and the door PINs of residents, kept together in a raw partition.

Content: version 1, number of rows, the rows, then the door PINs (resident u32, tag 16). It is replaced as a
whole, so that a cut leaves the old or the new. An ended consent stays until the host has acknowledged it.
"""

import struct
from collections import namedtuple

from altgate.store.copies import Damaged
from protocol import limits, messages

_VERSION = 1
_FORMAT = "<I32s32sI16sIIB16sBBBI"
_ROW = 120
_PIN = 20

# resident: pseudonym. consent: hash of the statement, 32 bytes. notice: SHA-256 of the notice. credential,
# tag: the card it is bound to. boot, time, quality, nonce: as in the statement. state: messages.CONSENT_*.
# acked: the last state that the host acknowledged, 0 for none. reason: why it ended. number: personal number.
_FIELDS = (
    "resident", "consent", "notice", "credential", "tag", "boot", "time", "quality", "nonce", "state",
    "acked", "reason", "number",
)  # fmt: skip
Row = namedtuple("Row", _FIELDS)


class Full(Exception):
    """There is no room for another consent or door PIN."""


class Register:
    """All rows; what is there lies in RAM too. ``copies``: store.copies.Copies. Changes raise OSError where
    the flash refuses."""

    def __init__(self, copies):
        self._copies = copies
        self.is_damaged = False
        try:
            self._rows, self._pins = _unpacked(copies.read() or b"\x01\x00")
        except (Damaged, OSError):
            # A consent that cannot be read is none.
            self._rows, self._pins, self.is_damaged = [], {}, True

    def of(self, resident):
        """The consent of a resident that has not ended, or None."""
        for row in self._rows:
            if row.resident == resident and row.state in messages.CONSENT_LIVE:
                return row
        return None

    def find(self, consent):
        """The row of this consent, ended or not, or None."""
        for row in self._rows:
            if row.consent == consent:
                return row
        return None

    def by_number(self, number):
        """The consent that has not ended of whoever has this personal number, or None."""
        for row in self._rows:
            if number and row.number == number and row.state in messages.CONSENT_LIVE:
                return row
        return None

    def owed(self):
        """The rows of which the host has not acknowledged the present state, oldest first."""
        return [row for row in self._rows if row.acked != row.state]

    def alive(self):
        """The consents that have not ended."""
        return [row for row in self._rows if row.state in messages.CONSENT_LIVE]

    def in_force(self):
        """Hashes of the consents that the host has acknowledged and that have not ended."""
        return [row.consent for row in self.alive() if row.acked]

    def add(self, row):
        """Keep a new consent; an earlier one of the same resident is invalidated with it. Raises Full."""
        rows = []
        for old in self._rows:
            if old.resident == row.resident and old.state in messages.CONSENT_LIVE:
                old = _with(old, state=messages.CONSENT_INVALIDATED)
            rows.append(old)
        if len(rows) >= limits.CONSENTS:
            raise Full
        self._keep(rows + [row], self._pins)

    def change(self, consent, **fields):
        """Replace fields of a row; an ended row that the host knows of is dropped. True if it was there."""
        rows, is_there = [], False
        for row in self._rows:
            if row.consent == consent:
                is_there = True
                row = _with(row, **fields)
                if row.state in messages.CONSENT_ENDED and row.acked == row.state:
                    continue
            rows.append(row)
        if is_there:
            self._keep(rows, self._pins)
        return is_there

    def pin(self, resident):
        """The tag of a resident's door PIN, 16 bytes, or None."""
        return self._pins.get(resident)

    def set_pin(self, resident, tag):
        """Keep the tag of a door PIN, or forget it (None). Raises Full."""
        pins = dict(self._pins)
        if tag is None:
            if pins.pop(resident, None) is None:
                return
        else:
            pins[resident] = tag
            if len(pins) > limits.CONSENTS:
                raise Full
        self._keep(self._rows, pins)

    def wipe(self):
        """Forget everything, in both copies."""
        self._keep([], {})
        self._keep([], {})

    def _keep(self, rows, pins):
        packed = bytearray((_VERSION, len(rows)))
        for row in rows:
            packed.extend(struct.pack(_FORMAT, *row))
        for resident, tag in pins.items():
            packed.extend(struct.pack("<I16s", resident, tag))
        self._copies.write(packed)
        self._rows, self._pins = rows, pins


def _with(row, **fields):
    values = list(row)
    for name, value in fields.items():
        values[_FIELDS.index(name)] = value
    return Row(*values)


def _unpacked(data):
    rest = len(data) - 2 - data[1] * _ROW if len(data) >= 2 else -1
    if rest < 0 or rest % _PIN or data[0] != _VERSION:
        raise Damaged
    end = 2 + data[1] * _ROW
    rows = [Row(*struct.unpack_from(_FORMAT, data, at)) for at in range(2, end, _ROW)]
    pins = {}
    for at in range(end, len(data), _PIN):
        resident, tag = struct.unpack_from("<I16s", data, at)
        pins[resident] = tag
    return rows, pins
