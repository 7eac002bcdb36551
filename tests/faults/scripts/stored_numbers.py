"""Workloads of what counts and records: counters, uses of passes, the journal with its keys."""

import hashlib
import struct

from altgate.crypto.hmac256 import hmac256
from altgate.store import counters, journal, pass_uses
from altgate.vault.slots import Slots
from protocol import limits, messages
from stored import Work, Wrong


class CountersWork(Work):
    """Tries of a few units, and now and then the right PIN. In force: numbers by key, without zeros."""

    modules = ("altgate.store.counters",)
    steps = 400
    keys = 9

    def start(self):
        return {}

    def opened(self, part):
        return counters.Counters(part)

    def step(self, draw, now):
        key = counters.KEY_UNITS + draw.below(self.keys)
        return key, 0 if draw.one_in(5) else now.get(key, 0) + 1

    def do(self, store, step):
        store.put(*step)

    def after(self, now, step, result):
        now = dict(now)
        now[step[0]] = step[1]
        return {key: value for key, value in now.items() if value}

    def seen(self, store):
        keys = range(counters.KEY_UNITS, counters.KEY_UNITS + 300)
        return {key: store.get(key) for key in keys if store.get(key)}

    def damage(self, store):
        return store.bad_entries

    def judge(self, before, seen, damage):
        lower = [key for key in before if seen.get(key, 0) < before[key]]
        if lower and not damage:
            raise Wrong("a count went down without a word", lower, before, seen)
        if len(lower) > 1:
            raise Wrong("one bit took several counts", lower, before, seen)

    least = 4096 // counters.ENTRY - 2

    def more(self, number, now):
        return counters.KEY_UNITS + number, 1

    def less(self, draw, now):
        return draw.of(sorted(now)), 0

    def again(self, draw, now):
        return draw.of(sorted(now)), 2


class PassesWork(Work):
    """Uses of a dozen passes. In force: how often each was used."""

    modules = ("altgate.store.log", "altgate.store.pass_uses")
    passes = [bytes((number,)) * 8 for number in range(1, 13)]
    END, NOW = 2000, 1000

    def start(self):
        return {}

    def opened(self, part):
        return pass_uses.PassUses(part)

    def step(self, draw, now):
        return draw.of([one for one in self.passes if now.get(one, 0) < 200])

    def do(self, store, step):
        store.count(step, self.END, self.NOW)

    def after(self, now, step, result):
        now = dict(now)
        now[step] = now.get(step, 0) + 1
        return now

    def seen(self, store):
        more = [struct.pack(">Q", number) for number in range(300)]
        return {one: store.used(one) for one in self.passes + more if store.used(one)}

    def damage(self, store):
        return store.damaged

    def judge(self, before, seen, damage):
        lower = [one for one in before if seen.get(one, 0) < before[one]]
        if lower and not damage:
            raise Wrong("a use was lost without a word", lower, before, seen)
        if damage and seen.get(struct.pack(">Q", 299)) != 255:
            raise Wrong("a pass whose count may be lost is not used up")

    def agrees(self, now, seen):
        """What counts as used up because something was lost may be forgotten with the log's next half."""
        kept = [{key: value for key, value in one.items() if value != 255} for one in (now, seen)]
        return kept[0] == kept[1]

    least = limits.PASSES_IN_USE

    def more(self, number, now):
        return struct.pack(">Q", number)

    def less(self, draw, now):
        return None

    def again(self, draw, now):
        return draw.of(sorted(now))


class JournalWork(Work):
    """Events and acknowledgements, more than the ring holds. In force: what was acknowledged, the newest
    number, and the details of the events that are owed."""

    modules = ("altgate.store.journal", "altgate.vault.slots")
    RING, KEYS = 4, 2
    sectors = 8
    parts = ((0, 4), (4, 2), (6, 2))
    steps = 200
    FIRST_KEY = b"first key of the journal" + bytes(8)

    def start(self):
        # As provisioning does, before anything is recorded.
        journal.Keys(Slots(self.flash.partition(*self.parts[1]), journal.KEY_SLOT)).set(self.FIRST_KEY)
        return 0, 0, {}

    def opened(self, ring, keys, numbers):
        kept = journal.Keys(Slots(keys, journal.KEY_SLOT))
        store = journal.Journal(ring, kept, counters.Counters(numbers))
        self.ring = ring
        return store

    def step(self, draw, now):
        if now[1] - now[0] > 70 or now[1] > now[0] and draw.one_in(12):
            return "acknowledge", now[0] + 1 + draw.below(now[1] - now[0])
        return "event", draw.below(1 << 30)

    def do(self, store, step):
        if step[0] == "acknowledge":
            return store.acknowledge(step[1])
        number = store.append(3, 1000, 1, messages.KIND_ENTRY, detail=step[1])
        if step[0] == "fill" and not number:
            raise OSError(28)
        return number

    def after(self, now, step, result):
        acked, head, owed = now
        owed = dict(owed)
        if step[0] == "acknowledge":
            return step[1], head, {number: one for number, one in owed.items() if number > step[1]}
        if result:
            owed[result] = step[1]
        return acked, max(head, result or 0), owed

    def seen(self, store):
        owed = {}
        for number in range(store.acknowledged + 1, store.head + 1):
            event = store.read(number)
            owed[number] = event.detail if event else None
        return store.acknowledged, store.head, owed

    def agrees(self, now, seen):
        """Records that nobody was told of may be there as well: the supply or memory went after them."""
        is_all_there = all(seen[2].get(number) == one for number, one in now[2].items())
        return seen[0] == now[0] and seen[1] >= now[1] and is_all_there

    def damage(self, store):
        return store.damaged

    def judge(self, before, seen, damage):
        if seen[0] > before[0]:
            raise Wrong("more is acknowledged than was", before[0], seen[0])
        if seen[1] < before[1]:
            raise Wrong("a number would be given a second time", before[1], seen[1])
        gone = []
        for number, detail in before[2].items():
            found = seen[2].get(number, detail)
            if found is None:
                gone.append(number)
            elif found != detail:
                raise Wrong("a record reads with other content", number, detail, found)
        if len(gone) > 1:
            raise Wrong("one bit took several records", gone)

    def judge_worn(self, allowed, seen, damage, what):
        """A mark that cannot be zeroed is one that was never set: the host is told once more."""
        for acked, head, owed in allowed:
            if seen[0] <= acked and self.agrees((seen[0], head, owed), seen):
                return
        super().judge_worn(allowed, seen, damage, what)

    def also(self, damage):
        """Each record that checks follows the one before and has its code, or the key's loss was told."""
        before, image = None, bytearray(journal.RECORD)
        records = {}
        for slot in range(self.RING * journal.PER_SECTOR):
            at = slot % journal.PER_SECTOR * journal.RECORD
            self.flash.chip.read(slot // journal.PER_SECTOR * 4096 + at, image)
            if journal.unpack(image):
                records[struct.unpack_from("<I", image)[0]] = bytes(image)
        first, epoch = self.FIRST_KEY, 1
        for number in sorted(records):
            record = records[number]
            of, place, _ = struct.unpack_from("<IHH", record, 32)
            if not of and not damage:
                raise Wrong("a record without a code", number)
            if of > 1000 or place > journal.PER_SECTOR:
                raise Wrong("a record of an epoch that never was", number, of, place)
            while epoch < of:
                first, epoch = journal.next_epoch(first), epoch + 1
            key = first
            for _ in range(place):
                key = journal.next_key(key)
            if of and record[72:104] != hmac256(key, record[:72]):
                raise Wrong("a record's code", number, of, place)
            if number - 1 in records and before and record[40:72] != before:
                raise Wrong("a record does not follow the one before", number)
            before = hashlib.sha256(record[:104]).digest()

    least = (RING - 1) * journal.PER_SECTOR

    def more(self, number, now):
        # A full ring raises nothing: the door goes on opening, and the event counts as lost.
        return "fill", number

    def less(self, draw, now):
        # Two at least: the record of the gap takes a place, too.
        return "acknowledge", now[0] + 2 + draw.below(now[1] - now[0] - 1)
