"""What must hold between a door and its host after a schedule of faults, judged from outside both.

The door's side is what witness_main.py wrote while it happened, the host's is its database. Whether they have
come together can take a while; what must never have been is looked for on the way there.
"""

import time

import fuzz
from altgate.ledger import review
from altgate.link import starts
from altgate.protocol import messages, reasons
from altgate.registry.models import Command, Consent, Event
from sqlalchemy import func, select

TOGETHER_S = 6.0 if fuzz.settings["plants"] or fuzz.settings["device_plants"] else 20.0
LOOK_S = 0.03
FIELDS = ("boot", "time", "time_quality", "kind", "reason", "method", "credential", "resident", "detail")


class Witness:
    """The door's side, as far as it was written."""

    def __init__(self, path):
        self._path, self._at = path, 0
        self.head = self.acked = self.version = self.starts = 0
        self.events = {}  # sequence: what it is, by FIELDS
        self.versions = {}  # sequence: the version of the state that was in force when it was numbered
        self.consents = {}  # name: [state, acked state], the last that was written
        self.here = []  # the rows that lie at the door now
        self.unlocked = set()  # numbers of requests
        self.failures = []
        self.read()
        self._first_starts = self.starts
        self.ended = set()  # consents that the register once had as ended

    @property
    def cuts(self):
        """Starts since the building was set up: each can have cut something off before it was written."""
        return self.starts - self._first_starts

    def read(self):
        """Take in what is new; raises fuzz.Wrong for what must never be."""
        with self._path.open("rb") as file:
            file.seek(self._at)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._at += len(whole)
        for line in whole.decode().splitlines():
            word, *rest = line.split()
            getattr(self, "_" + word)(rest)

    def _start(self, rest):
        head, acked = map(int, rest)
        if head < self.head or acked < self.acked:
            raise fuzz.Wrong("a journal that was shorter after a start", head, self.head, acked, self.acked)
        self.head, self.acked, self.starts = head, acked, self.starts + 1

    def _event(self, rest):
        sequence, *values = map(int, rest)
        if sequence <= self.head:
            raise fuzz.Wrong("a number was given twice", sequence, self.head)
        self.head = sequence
        self.events[sequence] = dict(zip(FIELDS, values, strict=True))
        self.versions[sequence] = self.version

    def _acked(self, rest):
        self.acked = int(rest[0])

    def _version(self, rest):
        # The entries of a log are read one after the other at a start.
        self.version = int(rest[0])

    def _consents(self, rest):
        rows = [row.split(":") for row in rest]
        self.here = [bytes.fromhex(name) for name, _, _ in rows]
        for name, state, acked in rows:
            name, state, acked = bytes.fromhex(name), int(state), int(acked)
            before = self.consents.get(name, [0, 0])[0]
            if before in messages.CONSENT_ENDED and state != before:
                raise fuzz.Wrong("a consent that had ended came back at the door", name.hex(), before, state)
            self.consents[name] = [state, acked]

    def _unlocked(self, rest):
        if rest[0] in self.unlocked:
            raise fuzz.Wrong("one command opened twice", rest)
        self.unlocked.add(rest[0])

    def _failed(self, rest):
        self.failures.append(rest)


def look(scene, witness):
    """What can be seen at any moment: in the register, too, no consent comes back."""
    with scene.site.read() as session:
        told = {one.consent: one.state for one in session.scalars(select(Consent))}
    for name, state in told.items():
        if state in messages.CONSENT_ENDED:
            witness.ended.add(name)
        elif name in witness.ended:
            raise fuzz.Wrong("a consent that had ended came back in the register", name.hex(), state)
    return told


def come_together(scene, witness):
    """Wait until door and host know the same; raises fuzz.Wrong with what is still apart."""
    deadline = time.monotonic() + TOGETHER_S
    while True:
        apart = _apart(scene, witness)
        if not apart:
            return
        if time.monotonic() > deadline:
            raise fuzz.Wrong("door and host do not come together: " + apart[0], *apart[1:])
        time.sleep(LOOK_S)


def _apart(scene, witness):
    # A host that met no broker when it was started ends, and is started again as by a service manager.
    scene.serve()
    if not scene.is_up():
        return ("the door does not start",)
    witness.read()
    with scene.site.read() as session:
        door = scene.state(session)
        if witness.acked > door.acked_sequence:
            raise fuzz.Wrong("the door was told of events that are not on the disk", witness.acked)
        if door.acked_sequence < witness.head:
            return "events are missing at the host", door.acked_sequence, witness.head
        if witness.acked < witness.head:
            return "events are not acknowledged at the door", witness.acked, witness.head
        if door.applied_version != door.state_version or witness.version != door.state_version:
            return "the state", door.applied_version, door.state_version, witness.version
        open_ = session.scalar(select(func.count()).where(Command.result.is_(None)))
        if open_:
            return "commands are open", open_
    told = look(scene, witness)
    for name in witness.here:
        state, acked = witness.consents[name]
        if state != acked or not _is_alike(state, told.get(name)):
            return "a consent", name.hex(), state, acked, told.get(name)
    return ()


def judge_kill(scene, witness):
    """The host is dead and nothing is on its way into its database: what the door was told must be there."""
    witness.read()
    with scene.site.read() as session:
        acked = scene.state(session).acked_sequence
    if witness.acked > acked:
        raise fuzz.Wrong("the door was told of events that are not on the disk", witness.acked, acked)


def judge(scene, witness):
    """What must hold whenever door and host have come together."""
    with scene.site.read() as session:
        _judge_events(scene, witness, session)
        _judge_entries(scene, witness)
        _judge_commands(witness, session)
        _judge_consents(witness, session)
    if witness.failures:
        raise fuzz.Wrong("something failed at the door", witness.failures)


def _judge_events(scene, witness, session):
    at_door = select(Event).where(Event.door_id == scene.front, Event.sequence.is_not(None))
    rows = {}
    for event in session.scalars(at_door):
        if event.journal != scene.state(session).journal or event.sequence in rows:
            raise fuzz.Wrong("an event is in the register twice", event.sequence)
        rows[event.sequence] = event
    if sorted(rows) != list(range(1, len(rows) + 1)) or len(rows) < witness.head:
        raise fuzz.Wrong("a hole in the register", len(rows), witness.head)
    for sequence, said in witness.events.items():
        event = rows[sequence]
        if any(getattr(event, name) != value for name, value in said.items()):
            raise fuzz.Wrong("an event is another in the register", sequence, said)
    told = select(Event.action, Event.subject).where(
        Event.action.in_((starts.WENT_BACK, starts.REGISTER_WENT_BACK))
    )
    alarms = session.execute(told).all()
    if alarms:
        raise fuzz.Wrong("an alarm for nothing", *map(tuple, alarms))


def _judge_entries(scene, witness):
    granted = 0
    for sequence, event in witness.events.items():
        if event["kind"] in (messages.KIND_ENTRY, messages.KIND_COMMAND):
            granted += event["reason"] == reasons.GRANTED
        if event["kind"] != messages.KIND_ENTRY or event["reason"] != reasons.GRANTED:
            continue
        revoked = scene.revoked.get(event["credential"])
        if revoked is not None and witness.versions[sequence] >= revoked:
            raise fuzz.Wrong("a credential that was taken out opened", event, revoked)
    # What was cut off between the strike and its record is a start, and at most one release.
    if scene.strikes > granted + witness.cuts:
        raise fuzz.Wrong("the strike was released without a reason", scene.strikes, granted)


def _judge_commands(witness, session):
    asked = session.scalars(select(Command).where(Command.verb == messages.VERB_UNLOCK)).all()
    may_open = {str(2 * one.id + 1) for one in asked if one.is_sent}
    if not witness.unlocked <= may_open:
        raise fuzz.Wrong("an unlock that nobody asked for", witness.unlocked - may_open)
    said = {str(2 * one.id + 1) for one in asked if one.result == reasons.DONE}
    if len(said - witness.unlocked) > witness.cuts:
        raise fuzz.Wrong("an unlock that never was", said - witness.unlocked)
    opened = sum(one["kind"] == messages.KIND_COMMAND for one in witness.events.values())
    if opened > len(witness.unlocked) + witness.cuts:
        raise fuzz.Wrong("one command opened twice", opened, len(witness.unlocked))


def _judge_consents(witness, session):
    told = {one.consent: one.state for one in session.scalars(select(Consent))}
    for name, (state, _) in witness.consents.items():
        if not _is_alike(state, told.get(name)):
            raise fuzz.Wrong("a consent is another in the register", name.hex(), state, told.get(name))


def _is_alike(state, other):
    """Whether door and host have the same of a consent: each keeps the first end that it hears of."""
    return state == other or {state, other} <= set(messages.CONSENT_ENDED)


def judge_audit(scene):
    """The whole audit, as an outsider checks it."""
    fault = review.verify(scene.site)[1]
    if fault:
        raise fuzz.Wrong("the audit does not verify", fault)
