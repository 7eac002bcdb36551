"""Faults of the flash and of memory as campaigns, over every store that lies in flash: scripts/fuzz_NAME.py.

``flips``: a bit that has flipped at rest. ``sectors``: one that is worn. ``full``: a partition in which
nothing more goes. ``memory``: that runs out in the middle of a step. Power cuts are in power.py.
"""

from faults.slices import Campaign, Plant

_STORE = "altgate.store."

CAMPAIGNS = (
    Campaign(
        "flips", "flips", "4m",
        {
            "counters: check": Plant(
                _STORE + "counters",
                "return (key, value, sequence) if binascii.crc32(entry[:12]) == check else None",
                "return key, value, sequence",
            ),
            "counters: old half": Plant(
                _STORE + "counters", "self._write(half, 0, _VOID)", "pass"
            ),
            "log: check": Plant(
                _STORE + "log",
                "                if binascii.crc32(content, binascii.crc32(memoryview(head)[:8])) == check:",
                "                if True:",
            ),
            "log: old half": Plant(
                _STORE + "log", "self._write(half, at, zeros)", "at and self._write(half, at, zeros)"
            ),
            "log: last entry": Plant(_STORE + "log", "self.damaged += bool(is_last_spoiled)", "pass"),
            "credentials: once more": Plant(
                _STORE + "credentials", 'puts = b"" if self._log.damaged else ', "puts = "
            ),
            "credentials: generation": Plant(
                _STORE + "table",
                "== check and generation > newest:",
                "== check and (not newest or generation < newest):",
            ),
            "credentials: passes": Plant(
                _STORE + "credentials", " or self._log.damaged and not self.version", ""
            ),
            "table: check": Plant(
                _STORE + "table",
                'return check == struct.unpack_from("<I", self._buffer, at + ROW)[0]',
                "return check and self._buffer[at : at + SLOT] not in (_FREE, bytes(SLOT))",
            ),
            "table: head": Plant(
                _STORE + "table",
                "        if not self._live():\n            return _STALE",
                "        return _STALE",
            ),
            "journal: check": Plant(
                _STORE + "journal",
                'if binascii.crc32(record[:_CHECKED]) != struct.unpack("<I", record[_CHECKED:_MARK])[0]:',
                "if record == _EMPTY:",
            ),
            "journal: key": Plant(
                _STORE + "journal", "self.bad, self._epoch = self.bad + 1, 0", "self._epoch = 0"
            ),
            "consents: check": Plant(
                _STORE + "copies",
                "if binascii.crc32(content, binascii.crc32(head[:12])) == check:",
                "if True:",
            ),
            "consents: old copy": Plant(
                _STORE + "copies", "self._write(old, 0, _VOID)", "pass"
            ),
            "templates: check": Plant(
                "altgate.vault.slots",
                "is_good = binascii.crc32(memoryview(buffer)[:end]) == check and length <= self.longest",
                "is_good = length <= self.longest",
            ),
        },
        bar=50_000,
    ),
    Campaign(
        "sectors", "worn sectors", "4m",
        {
            "counters": Plant(_STORE + "counters", "return back == entry", "return True"),
            "log": Plant(
                _STORE + "log", "if piece != memoryview(entry)[start : start + len(piece)]:", "if False:"
            ),
            "table": Plant(_STORE + "table", "if back != data:", "if False:"),
            "journal": Plant(_STORE + "journal", "if back == wrote:", "if True:"),
            "consents": Plant(
                _STORE + "copies", "if not self._is_good(other, head, len(content), check):", "if False:"
            ),
            "templates": Plant("altgate.vault.slots", "if back != buffer:", "if False:"),
            "slots at a start": Plant(
                "altgate.vault.slots",
                "except OSError:\n            self._state[slot] = GONE",
                "except KeyError:\n            self._state[slot] = GONE",
            ),
        },
        bar=20_000,
    ),
    Campaign(
        "full", "full partitions", "4m",
        {
            "counters": Plant(
                _STORE + "counters",
                "if value and key not in self._values and len(self._values) >= self.most:",
                "if False:",
            ),
            "journal": Plant(
                _STORE + "journal", "return used + count <= self._slots - PER_SECTOR", "return True"
            ),
            "credentials": Plant(
                _STORE + "table", "if live + taken.get(bucket, 0) < PER_BUCKET:", "if False:"
            ),
            "passes": Plant(
                _STORE + "pass_uses",
                "if is_new and len(self._rows) >= limits.PASSES_IN_USE * ROW:",
                "if False:",
            ),
            "consents": Plant("altgate.consent.register", "if len(rows) >= limits.CONSENTS:", "if False:"),
            "templates": Plant(
                "altgate.vault.slots", "while self._count(FREE) <= self._per:", "while not self._count(FREE):"
            ),
        },
        bar=1000,
    ),
    Campaign(
        "memory", "steps", "2m",
        {
            "counters": Plant(
                _STORE + "counters", "self._values.setdefault(key, 0)", "self._values[key] = value"
            ),
            "log": Plant(
                _STORE + "log",
                "except _FAILURES:\n            self._zero(half, at, _VOID)",
                "except _FAILURES:\n            pass",
            ),
            "passes": Plant(
                _STORE + "pass_uses",
                "self._log.append(_USE, row)\n        self._set(row)",
                "self._set(row)\n        self._log.append(_USE, row)",
            ),
            "credentials": Plant(
                _STORE + "credentials",
                "        for step in change.steps:\n            await",
                "        self._take(change.held(), change.version)\n"
                "        for step in change.steps:\n            await",
            ),
            "journal": Plant(
                _STORE + "journal",
                "self._before, self._key, self._place = before, key, self._place + 1",
                "self._before, self._key, self._place = "
                "hashlib.sha256(record[:_CHAINED]).digest(), key, self._place + 1",
            ),
            "consents": Plant(
                "altgate.consent.register",
                "self._copies.write(packed)\n        self._rows, self._pins = rows, pins",
                "self._rows, self._pins = rows, pins\n        self._copies.write(packed)",
            ),
            "templates: erased": Plant(
                "altgate.vault.templates", "at = self._at.get(name)", "at = self._at.pop(name, None)"
            ),
            "templates: old pair": Plant(
                "altgate.vault.templates",
                "                self._erase(old)\n                del at[2:]",
                "                del at[2:]\n                self._erase(old)",
            ),
        },
        bar=10_000,
    ),
)  # fmt: skip
