"""Schedules of faults between a door and its host, with the real firmware, host and broker: link_building.py.

A frame is one thing that happens: what, when in units of 10 ms, and two bytes of how. The first one, 254 or
255, says which building: with relays of bytes, or with a hostile broker. At the end of a schedule everything
runs again, and door and host must come together; then link_oracle.py judges. A building stays for many
schedules, and so does all that its hostile broker has ever carried.
"""

import fuzz

fuzz.begin()

import logging
import random
import signal
import time
from pathlib import Path

import link_oracle
from altgate.errors import Refused
from link_building import WAYS, Scene
from support.hosts import Hosts

BYTES, HOSTILE = 254, 255
UNIT_S = 0.01
LASTS = 130  # units of time in which things happen
LOOK_S = 5.0
SETTLE_S = 0.1  # until somebody at the door has done what was under way
PER_BUILDING = 25  # schedules, so that neither the register nor the witness gets long
hosts = Hosts()
logging.disable(logging.WARNING)
signal.signal(signal.SIGALRM, signal.SIG_IGN)  # a schedule has its own deadline


class Stage:
    """The building that plays now."""

    def __init__(self):
        self.scene = self.witness = None
        self.kind, self.count = BYTES, 0

    def next_kind(self):
        """What the next schedule is for: the building that is there, until it has seen enough."""
        if not self.scene or self.count >= PER_BUILDING:
            self.kind = random.choice((BYTES, HOSTILE, HOSTILE))
        return self.kind

    def fresh(self, kind):
        """A new building where there is none of this kind, or the old one has seen enough."""
        if self.scene and self.count < PER_BUILDING and self.kind == kind:
            return
        self.end()
        self.kind, self.count = kind, 0
        folder = Path(fuzz.settings["folder"]) / f"b{time.monotonic_ns()}"
        chance = random.Random(random.getrandbits(30)) if kind == HOSTILE else None
        self.scene = Scene(folder, hosts, chance, fuzz.settings["device_plants"])
        self.scene.__enter__()
        self.witness = link_oracle.Witness(self.scene.witness_file)

    def end(self):
        if self.scene:
            self.scene.stop()
        self.scene = None


stage = Stage()


# What can happen: each gets two bytes, and returns what ends it, after how many units of time, or None.


def somebody_taps(how, _much):
    stage.scene.tap(stage.scene.late if how & 1 else stage.scene.card())


def somebody_leaves(_how, _much):
    stage.scene.leave()


def a_manager_opens(_how, _much):
    stage.scene.open_()


def the_card_turns(_how, _much):
    stage.scene.turn_card()


def yes_or_no(how, _much):
    resident, credential, tag = stage.scene.person
    if how % 4 == 0:
        stage.scene.end_consents()
    elif how % 4 == 1:
        stage.scene.at_the_door("withdraw", resident)
    elif how % 4 == 2:
        stage.scene.at_the_door("give", resident, credential, tag)
    else:
        stage.scene.at_the_door("enrol", resident)


def broker_dies(_how, much):
    stage.scene.kill_broker()
    return lambda: stage.scene.broker.is_running or stage.scene.broker.start(), much % 40


def host_dies(_how, much):
    stage.scene.kill_host()
    link_oracle.judge_kill(stage.scene, stage.witness)
    return stage.scene.serve, much % 30


def door_dies(_how, much):
    stage.scene.board.power_off()
    return stage.scene.board.power_on, much % 20


def door_is_cut(how, much):
    stage.scene.board.cut_after(1 + how % 12, ("clean", "half", "garbage")[much % 3])
    return stage.scene.board.power_on, 20 + much % 20


def network_is_cut(how, _much):
    relay(how).cut()


def network_swallows(how, much):
    end = relay(how)
    end.is_hole = True

    def over():
        end.is_hole = False
        if how & 2:
            end.cut()

    return over, 5 + much % 100


def network_delays(how, much):
    end = relay(how)
    end.delay_s = 0.02 + how / 1000

    def over():
        end.delay_s = 0.0

    return over, much % 100


def broker_is_hostile(how, much):
    """Where it can be; else the connections are cut."""
    tampering = stage.scene.broker.tampering
    if tampering is None:
        return network_is_cut(how, much)
    tampering.ways = tuple(way for number, way in enumerate(WAYS) if how >> number & 1) or WAYS
    tampering.one_in = 1 + much % 4

    def over():
        tampering.ways = ()

    return over, 20 + much % 100


def relay(how):
    return stage.scene.broker.host if how & 1 else stage.scene.broker.door


PEOPLE = (
    somebody_taps, somebody_taps, somebody_leaves, a_manager_opens, the_card_turns, yes_or_no, yes_or_no,
)  # fmt: skip
FAULTS = (
    broker_dies, host_dies, host_dies, door_dies, door_is_cut, network_is_cut, network_swallows,
    network_delays, broker_is_hostile, broker_is_hostile,
)  # fmt: skip
ALL = PEOPLE + FAULTS


def generate():
    chosen = [random.randrange(len(PEOPLE)) for _ in range(4 + random.randrange(5))]
    chosen += [len(PEOPLE) + random.randrange(len(FAULTS)) for _ in range(2 + random.randrange(4))]
    frames = [(random.randrange(LASTS), what) for what in chosen]
    steps = [bytes((what, at, random.getrandbits(8), random.getrandbits(8))) for at, what in sorted(frames)]
    return [bytes((stage.next_kind(),)), *steps]


def check(frames):
    fuzz.sent(True)
    kind = frames[0][0] if frames[0][0] in (BYTES, HOSTILE) else stage.kind
    stage.fresh(kind)
    frames = [frame for frame in frames if frame[0] not in (BYTES, HOSTILE)]
    try:
        play(frames)
        heal(frames)
        link_oracle.come_together(stage.scene, stage.witness)
        link_oracle.judge(stage.scene, stage.witness)
        judge_late_card()
    except BaseException as error:
        error.add_note(stage.scene.logs())
        stage.end()
        raise
    stage.count += 1
    if stage.count == PER_BUILDING:
        link_oracle.judge_audit(stage.scene)
    fuzz.counts["genuine"] += 1


def play(frames):
    """Everything at its time, and what ends it."""
    began, later = time.monotonic(), []
    steps = [(frame + bytes(4))[:4] for frame in frames]
    while steps or later:
        now = (time.monotonic() - began) / UNIT_S
        due = [one for one in later if one[0] <= now]
        later = [one for one in later if one[0] > now]
        for _, end in due:
            end()
        while steps and steps[0][1] <= now:
            what, _, how, much = steps.pop(0)
            try:
                made = ALL[what % len(ALL)](how, much)
            except Refused:
                continue
            if made:
                later.append((now + made[1], made[0]))
        stage.witness.read()
        link_oracle.look(stage.scene, stage.witness)
        time.sleep(0.01)


def heal(frames):
    """Everything runs. A broker that was hostile is another one now: whoever it told that it had a message,
    which it had not, connects anew."""
    stage.scene.heal()
    kinds = {ALL[frame[0] % len(ALL)] for frame in frames if frame}
    if broker_is_hostile in kinds and stage.scene.broker.tampering:
        for end in (stage.scene.broker.host, stage.scene.broker.door):
            end.cut()
    stage.scene.give_up_commands()
    time.sleep(SETTLE_S)


def judge_late_card():
    """Now that both know the same, it opens if it is in the register, and else not."""
    scene, witness = stage.scene, stage.witness
    with scene.site.read() as session:
        late = scene.late_card(session)
    before = witness.head
    scene.tap(scene.late, LOOK_S)
    witness.read()
    seen = [one for number, one in witness.events.items() if number > before and one["kind"] == 1]
    wanted = (late.id, 0) if late else (0, None)
    if not seen:
        raise fuzz.Wrong("the door does not look at a card")
    if late and (seen[-1]["credential"], seen[-1]["reason"]) != wanted or not late and not seen[-1]["reason"]:
        raise fuzz.Wrong("a card opens that should not, or does not that should", seen, wanted)


try:
    fuzz.run(generate, check)
finally:
    stage.end()
    hosts.close()
