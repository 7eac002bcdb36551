"""Workloads of face: the register of consents, templates with their keys."""

from altgate.consent.register import Full, Register, Row
from altgate.store.copies import Copies
from altgate.vault import templates
from fuzz import drive
from protocol import limits, messages, reasons
from stored import Draw, Turns, Work, Wrong

templates.asyncio = Turns


class RegisterWork(Work):
    """Consents and door PINs. In force: consents by name, door PINs by resident."""

    modules = ("altgate.store.copies", "altgate.consent.register")
    sectors = 6
    parts = ((0, 6),)
    steps = 30
    refusals = (OSError, Full)
    residents = 12

    def start(self):
        return {}, {}, 0

    def opened(self, part):
        return Register(Copies(part))

    def step(self, draw, now):
        alive = [row for row in now[0].values() if row[1] in messages.CONSENT_LIVE]
        ended = [row for row in now[0].values() if row[1] in messages.CONSENT_ENDED]
        way = draw.below(6)
        if way == 0 and ended:
            row = draw.of(sorted(ended))
            return "change", row[3], {"acked": row[1]}
        if way == 1 and alive:
            return "change", draw.of(sorted(alive))[3], {"state": draw.of(messages.CONSENT_ENDED)}
        if way == 2 and alive:
            return "change", draw.of(sorted(alive))[3], {"acked": messages.CONSENT_GIVEN, "number": 77}
        if way == 3:
            return "pin", draw.below(self.residents), draw.of((None, draw.bytes(16)))
        return "add", draw.below(self.residents), draw.bytes(32)

    def do(self, store, step):
        if step[0] == "add":
            said = (step[1], step[2], b"n" * 32, 7, b"t" * 16, 5, 1_800_000_000, 2, b"x" * 16)
            store.add(Row(*said, messages.CONSENT_GIVEN, 0, reasons.NONE, 0))
        elif step[0] == "change":
            if not store.change(step[1], **step[2]):
                raise Wrong("a consent is not there", step)
        else:
            store.set_pin(step[1], step[2])

    def after(self, now, step, result):
        rows, pins, _ = now
        rows, pins = dict(rows), dict(pins)
        if step[0] == "add":
            for name, row in list(rows.items()):
                if row[0] == step[1] and row[1] in messages.CONSENT_LIVE:
                    rows[name] = (row[0], messages.CONSENT_INVALIDATED) + row[2:]
            rows[step[2]] = (step[1], messages.CONSENT_GIVEN, 0, step[2], 0)
        elif step[0] == "change":
            row = list(rows[step[1]])
            for name, place in (("state", 1), ("acked", 2), ("number", 4)):
                row[place] = step[2].get(name, row[place])
            rows[step[1]] = tuple(row)
            if row[1] in messages.CONSENT_ENDED and row[2] == row[1]:
                del rows[step[1]]
        elif step[2] is None:
            pins.pop(step[1], None)
        else:
            pins[step[1]] = step[2]
        return rows, pins, 0

    def seen(self, store):
        rows = {}
        for row in store.owed() + store.alive():
            rows[row.consent] = (row.resident, row.state, row.acked, row.consent, row.number)
        pins = {one: store.pin(one) for one in range(limits.CONSENTS + 2) if store.pin(one) is not None}
        return rows, pins, int(store.is_damaged)

    def damage(self, store):
        return int(store.is_damaged)

    def judge(self, before, seen, damage):
        if seen[:2] != before[:2] and (seen[0] or seen[1] or not damage):
            raise Wrong("neither all that was said nor nothing", before, seen)

    def agrees(self, now, seen):
        return now[:2] == seen[:2]

    least = limits.CONSENTS

    def more(self, number, now):
        return "add", number, number.to_bytes(4, "big") * 8

    def again(self, draw, now):
        return "pin", draw.below(9), draw.bytes(16)

    def is_full(self, error):
        return isinstance(error, Full)

    def less(self, draw, now):
        row = draw.of(sorted(row for row in now[0].values() if row[1] in messages.CONSENT_LIVE))
        return "change", row[3], {"state": messages.CONSENT_WITHDRAWN, "acked": messages.CONSENT_WITHDRAWN}


class Os:
    """What templates.py takes of os; the same in each run of a case."""

    draw = Draw(1)

    @staticmethod
    def urandom(count):
        return Os.draw.bytes(count)


templates.os = Os


class TemplatesWork(Work):
    """Templates of a few residents. In force: each one's, by a number that stands for it."""

    DOOR, WRAP = "0a1b2c3d", bytes(range(64))
    modules = ("altgate.vault.slots", "altgate.vault.templates")
    sectors = 4
    parts = ((0, 2), (2, 2))
    steps = 16
    comes_later = True
    residents = 6

    def start(self):
        return {}

    def opened(self, keys, sealed):
        return templates.Templates(keys, sealed, self.WRAP, self.DOOR)

    def step(self, draw, now):
        resident = draw.below(self.residents)
        return resident, None if resident in now and draw.one_in(3) else draw.below(1 << 16)

    def do(self, store, step):
        if step[1] is None:
            store.erase(self.consent(step[0]))
        else:
            drive(store.store(step[0], self.consent(step[0]), self.vector(step[1])))

    @staticmethod
    def vector(number):
        return bytes((number & 255, number >> 8)) * (limits.FACE_VECTOR_BYTES // 2)

    @staticmethod
    def consent(resident):
        return bytes((resident + 1,)) * 32

    def after(self, now, step, result):
        now = dict(now)
        if step[1] is None:
            now.pop(step[0], None)
        else:
            now[step[0]] = step[1]
        return now

    def seen(self, store):
        found = {}
        for resident in range(100):
            consent = self.consent(resident)
            if store.has(consent):
                key = store.key(resident, consent)
                value = store.open_(key, resident, consent) if key else b"\0\0"
                number = value[0] | value[1] << 8
                found[resident] = number if value == self.vector(number) else -1
        return found

    def damage(self, store):
        return store.damaged

    def judge(self, before, seen, damage):
        for resident, value in seen.items():
            if before.get(resident) != value:
                raise Wrong("a template came back, or is another one", resident)
        if len(seen) < len(before) - 1:
            raise Wrong("one bit took several templates", len(before), len(seen))

    def judge_worn(self, allowed, seen, damage, what):
        step = what[1]
        for one in allowed:
            # One that could not take the place of an earlier one: nobody opens either.
            without = {resident: value for resident, value in one.items() if resident != step[0]}
            if type(step) is tuple and step[1] is not None and step[0] in one and seen == without:
                return
        super().judge_worn(allowed, seen, damage, what)

    def undone(self, step):
        return (step[0], None)

    least = 15

    def more(self, number, now):
        return number, number

    def less(self, draw, now):
        return draw.of(sorted(now)), None
