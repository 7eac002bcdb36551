"""NOR flash in a file: programming only clears bits, erasing sets a 4096-byte sector to 0xFF.

Counts every operation and can lose power at any of them. Reading and programming allocate nothing: littlefs
calls them from the collector too, when the heap is locked (facts: Unix port, finalisers of open files).
The file is unbuffered, so what was programmed survives the process.
"""

import simctl

SECTOR = 4096
PAGE = 256  # what one program operation covers at most
WORD = 4
CUTS = ("clean", "half", "garbage")
_ERASED = b"\xff" * PAGE


class NorFlash:
    """One flash chip of `size` bytes (a multiple of 4096) kept in the file `path`, made blank if missing."""

    def __init__(self, path, size):
        self.size = size
        self.reads = self.programs = self.erases = 0
        self.bytes_read = self.bytes_programmed = 0
        self.raised = 0  # programs that asked for a 0 to become 1: a bug in whoever did
        self._cut_in = 0
        self._how = "half"
        self._noise = 0x2545F491
        self._page = bytearray(PAGE)
        self._file = _open(path, size)

    def counts(self):
        """What was done since the process started."""
        return {
            "reads": self.reads, "programs": self.programs, "erases": self.erases, "raised": self.raised,
            "bytes_read": self.bytes_read, "bytes_programmed": self.bytes_programmed,
        }  # fmt: skip

    def cut(self, after, how="half"):
        """Cut the power at the `after`-th program or erase from now (1 = the next; 0 = never).

        ``clean``: that operation is not done. ``half``: its first half is. ``garbage``: that, and the
        word after it has random bits programmed (or the second half of a sector random bits erased).
        """
        if how not in CUTS:
            raise ValueError(how)
        self._cut_in, self._how = after, how

    def read(self, address, buf):
        """Fill `buf` from `address`; OSError(EINVAL) outside the chip."""
        simctl.powered()
        self._check(address, len(buf))
        self.reads += 1
        self.bytes_read += len(buf)
        self._file.seek(address)
        self._file.readinto(buf)

    def program(self, address, buf):
        """Clear the bits that are 0 in `buf`: an operation for each page of 256 bytes that it touches."""
        simctl.powered()
        count = len(buf)
        self._check(address, count)
        done = 0
        while done < count:
            room = PAGE - (address + done) % PAGE
            part = count - done if count - done < room else room
            self._program(address + done, buf, done, part)
            done += part

    def erase(self, address):
        """Set the sector at `address` (a multiple of 4096) to 0xFF."""
        simctl.powered()
        self._check(address, SECTOR)
        if address % SECTOR:
            raise OSError(22)
        if self._due():
            self._erase_cut(address)
        self.erases += 1
        self._file.seek(address)
        for _ in range(SECTOR // PAGE):
            self._file.write(_ERASED)

    def _check(self, address, count):
        if address < 0 or address + count > self.size:
            raise OSError(22)

    def _due(self):
        if self._cut_in:
            self._cut_in -= 1
            return self._cut_in == 0
        return False

    def _program(self, address, buf, start, count):
        page, file = self._page, self._file
        cut = self._due()
        if cut and self._how == "clean":
            simctl.end(simctl.POWER_CUT)
        file.seek(address)
        file.readinto(page, count)
        if count == PAGE and page == _ERASED and not cut:
            file.seek(address)
            file.write(buf, start, count)
        else:
            limit = count // 2 if cut else count
            raised = 0
            for i in range(limit):
                new = buf[start + i]
                raised |= new & ~page[i]
                page[i] &= new
            if raised:
                self.raised += 1
            if cut and self._how == "garbage":
                self._scramble(limit, count)
            file.seek(address)
            file.write(page, count)
        if cut:
            simctl.end(simctl.POWER_CUT)
        self.programs += 1
        self.bytes_programmed += count

    def _scramble(self, start, limit):
        for i in range(start, start + WORD if start + WORD < limit else limit):
            self._page[i] &= self._random()

    def _erase_cut(self, address):
        half = SECTOR // 2
        if self._how != "clean":
            self._file.seek(address)
            for _ in range(half // PAGE):
                self._file.write(_ERASED)
        if self._how == "garbage":
            for at in range(address + half, address + SECTOR, PAGE):
                self._file.seek(at)
                self._file.readinto(self._page)
                for i in range(PAGE):
                    self._page[i] |= self._random()
                self._file.seek(at)
                self._file.write(self._page)
        simctl.end(simctl.POWER_CUT)

    def _random(self):
        self._noise = (self._noise * 1103515245 + 12345) & 0x3FFFFFFF
        return (self._noise >> 12) & 0xFF


def _open(path, size):
    """The file, extended with 0xFF to `size`."""
    try:
        file = open(path, "r+b")
    except OSError as error:
        if error.errno != 2:
            raise
        file = open(path, "w+b")
    have = file.seek(0, 2)
    blank = b"\xff" * SECTOR
    while have < size:
        have += file.write(blank, min(SECTOR, size - have))
    return file


def _cut(message):
    _chip.cut(message["cut_after"], message.get("how", "half"))


_chip = None


def chip():
    """The board's flash, as the settings name it."""
    global _chip
    if _chip is None:
        _chip = NorFlash(simctl.config["flash"], simctl.config["flash_size"])
        simctl.handlers["ask"] = lambda message: simctl.send({"flash": _chip.counts()})
        simctl.handlers["cut_after"] = lambda message: _cut(message)
        if "cut_after" in simctl.config:
            _cut(simctl.config)
    return _chip
