"""The workload of who may enter, what opens and which passes do not: credentials, log and table."""

from altgate.store import credentials, table
from altgate.store.credentials import Credentials
from altgate.store.draft import Refused
from fuzz import drive
from protocol import messages, reasons
from stored import Turns, Work, Wrong

CARD, PIN = messages.TYPE_CARD, messages.TYPE_PIN
UNIT = 101
# Rule, schedule and uses.
BOUNDS = ((0, 0, 0), (0, 0, 0), (messages.RULE_DUAL, 0, 0), (0, 3, 5))
credentials.asyncio = Turns


def tag(number):
    return bytes((number * 37 & 255, number >> 8, 5, 1)) + number.to_bytes(4, "big") * 3


class CredentialsWork(Work):
    """State messages. In force: version, holders, settings, revoked passes, notice."""

    modules = ("altgate.store.log", "altgate.store.credentials", "altgate.store.table")
    sectors = 8
    parts = ((0, 2), (2, 6))
    steps = 80
    refusals = (OSError, Refused)
    comes_later = True
    kinds = [(CARD, number) for number in range(18)] + [(PIN, number) for number in range(18, 22)]
    passes = [bytes((number,)) * 8 for number in range(1, 9)]

    def start(self):
        return 0, {}, {}, (), None

    def opened(self, log, table):
        return Credentials(log, table)

    def step(self, draw, now):
        """``(base, is_snapshot, operations)``. Version 0 asks for a snapshot."""
        if not now[0] or draw.one_in(20):
            return self.snapshot(draw, now)
        operations, used = [], set()
        for _ in range(1 + draw.below(8)):
            kind, number = draw.of(self.kinds)
            if number in used:
                continue
            used.add(number)
            if (kind, number) in now[1] and draw.below(2):
                operations.append([messages.OP_DELETE, number, kind, tag(number), UNIT])
            else:
                operations.append(self.put(draw, kind, number))
        if draw.one_in(3):
            number = draw.of((messages.SETTING_LEGACY_UID, messages.SETTING_FACE))
            operations.append([messages.OP_SETTING, number, draw.below(2)])
        if draw.one_in(4):
            operations.append([messages.OP_REVOKE_PASS, draw.of(self.passes), 99])
        if draw.one_in(6):
            operations.append([messages.OP_NOTICE, now[0], draw.bytes(32)])
        return now[0], False, operations

    def snapshot(self, draw, now):
        most = draw.of((1, 2, 8))
        chosen = [key for key in self.kinds if draw.below(9) < most - 1]
        return now[0], True, [self.put(draw, *key) for key in chosen]

    def ending(self, draw, now):
        # What an older generation left behind is still there then.
        return self.snapshot(draw, now) if draw.one_in(2) else None

    def put(self, draw, kind, number):
        window = (0, 0) if draw.below(2) else (1000 + draw.below(9), 2000 + draw.below(9))
        resident, bounds = 3 + draw.below(4), draw.of(BOUNDS)
        return [messages.OP_PUT, number, kind, tag(number)] + list(window + (UNIT, resident, 9) + bounds)

    def do(self, store, step):
        base, is_snapshot, operations = step
        draft = store.draft(
            {
                messages.BASE_VERSION: base, messages.NEW_VERSION: base + 1 + is_snapshot * 10,
                messages.OPERATIONS: operations, messages.IS_SNAPSHOT: is_snapshot,
            }, 0,
        )  # fmt: skip
        store.prepare(draft)
        drive(store.keep(draft))

    def after(self, now, step, result):
        base, is_snapshot, operations = step
        version, held, settings, revoked, notice = self.start() if is_snapshot else now
        held, settings, revoked = dict(held), dict(settings), set(revoked)
        for operation in operations:
            what = operation[0]
            if what == messages.OP_PUT:
                _, number, kind, _, start, end, _, resident, _ = operation[:9]
                held[kind, number] = (resident, start, end) + tuple(operation[9:])
            elif what == messages.OP_DELETE:
                held.pop((operation[2], operation[1]), None)
            elif what == messages.OP_SETTING:
                settings[operation[1]] = operation[2]
            elif what == messages.OP_REVOKE_PASS:
                revoked.add(operation[1])
            else:
                notice = operation[2]
        settings = {key: value for key, value in settings.items() if value}
        return base + 1 + is_snapshot * 10, held, settings, tuple(sorted(revoked)), notice

    def seen(self, store):
        held = {}
        more = [(CARD, number) for number in range(100, self.most)] if self.most else []
        for kind, number in self.kinds + more:
            found = store.find(kind, tag(number), UNIT)
            if found:
                if found.id != number:
                    raise Wrong("a credential answers for another", number, found.id)
                bounds = (found.rule, found.schedule, found.uses)
                held[kind, number] = (found.resident, found.not_before, found.not_after) + bounds
        numbers = (messages.SETTING_LEGACY_UID, messages.SETTING_FACE)
        settings = {number: 1 for number in numbers if store.setting(number)}
        revoked = [one for one in self.passes if store.is_pass_revoked(one, 1)]
        return store.version, held, settings, tuple(sorted(revoked)), store.notice

    most = 0  # how far numbers go where a table is filled

    def damage(self, store):
        return store.damaged

    def judge(self, before, seen, damage):
        version, held, settings, revoked, _ = seen
        for key, value in held.items():
            if before[1].get(key) != value:
                raise Wrong("somebody comes in who did not before", key, before[1].get(key), value)
        if version not in (before[0], 0) or version != before[0] and not damage:
            raise Wrong("another version", before[0], version, damage)
        if not set(settings) <= set(before[2]) or settings != before[2] and version:
            raise Wrong("a setting", before[2], settings)
        if not set(revoked) >= set(before[3]):
            raise Wrong("a pass that was taken back is good again", before[3], revoked)
        if len(before[1]) > len(held) + 1 and not damage:
            raise Wrong("several are shut out without a word", before[1], held)

    def judge_worn(self, allowed, seen, damage, what):
        """Where the table does not take what the log says, the door asks the host for everything again."""
        for key, value in seen[1].items():
            if value not in [one[1].get(key) for one in allowed]:
                raise Wrong("somebody comes in who never did", what, key, value, allowed)
        if seen[0] or not damage or not set(seen[3]) >= set(allowed[0][3]):
            raise Wrong("neither what was told nor what was before", what, allowed, seen, damage)

    least = table.PER_BUCKET

    def blank(self):
        self.most = 0
        return super().blank()

    def more(self, number, now):
        self.most = 100 + number + 1
        put = [messages.OP_PUT, 100 + number, CARD, tag(100 + number), 0, 0, 0, 3, 0, 0, 0, 0]
        return now[0], False, [put]

    def less(self, draw, now):
        kind, number = draw.of(sorted(now[1]))
        return now[0], False, [[messages.OP_DELETE, number, kind, tag(number), UNIT]]

    def again(self, draw, now):
        return now[0], False, [[messages.OP_REVOKE_PASS, draw.of(self.passes), 99]]

    def is_full(self, error):
        return isinstance(error, Refused) and error.reason == reasons.TABLE_FULL
