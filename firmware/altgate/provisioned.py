"""What a provisioned door has beside itself: its ways in, its gate for face, its link to the host."""

import os

from altgate import board
from altgate.access.lockout import Lockout
from altgate.consent.gate import Gate
from altgate.consent.register import Register
from altgate.crypto import hkdf
from altgate.entry.desk import Desk
from altgate.link.keys import LinkKeys
from altgate.link.session import Session
from altgate.link.uplink import Uplink
from altgate.store import identity
from altgate.store.copies import Copies
from altgate.store.counters import KEY_UNITS
from altgate.store.pass_uses import PassUses
from altgate.ticks import monotonic_s
from altgate.vault.templates import Templates


class Provisioned:
    """Joined to ``door`` (app.Door); ``failed(name, error)`` is told of errors of a way in."""

    def __init__(self, door, failed):
        self._door = door
        self._failed = failed
        who = door.identity
        wrap = identity.wrapping_key(board.wrapping_page())
        register = Register(Copies(board.partition("consents")))
        self.gate = Gate(
            (register, _templates(wrap, who.door_id, failed), door.credentials),
            Lockout(door.counters, 0, monotonic_s()),
            door.clock,
            (who.door_id, door.boot, hkdf.hkdf(wrap, b"", b"altgate/door-pin", 32)),
            door.record,
            monotonic_s,
            board.FACE_GIVES_LIVENESS,
        )
        door.credentials.uses = PassUses(board.partition("passes"))
        self.desk = Desk(
            door.credentials,
            Lockout(door.counters, KEY_UNITS, monotonic_s()),
            door.clock,
            door.strike.release,
            door.record_entry,
            door.signals,
            monotonic_s,
            self.gate,
        )
        stores = (door.clock, door.credentials, door.journal)
        keys = LinkKeys(who, board.wrapping_page())
        self.session = Session(keys, door.boot, *stores, door.unlock, door.self_test, self.gate)
        self.uplink = Uplink(self.session, door.journal, self.gate)

    def channels(self):
        """The ways in."""
        from altgate.drivers.camera import Camera
        from altgate.entry.card import CardChannel
        from altgate.entry.face import FaceChannel
        from altgate.entry.menu import Menu
        from altgate.entry.pin import PinChannel
        from altgate.entry.qr import QrChannel

        submit, failed, dropped = self.desk.submit, self._failed, self.session.dropped
        keys, signals = self._door.identity, self._door.signals
        camera = Camera(self._door.face_supply, lambda: board.face_module(dropped))
        menu = Menu(self.gate, camera, signals)
        face = FaceChannel(submit, failed, self.gate, camera, signals)
        self.desk.on_decided = menu.card

        def takes(claim):
            return menu.takes(claim) or face.takes_card(claim, self._door.credentials)

        return (
            CardChannel(submit, failed, board.reader(dropped), keys, os.urandom, takes),
            PinChannel(submit, failed, board.keys(), keys, signals.key, face, menu),
            QrChannel(submit, failed, board.scanner(dropped), keys),
            face,
        )

    def connection(self, ways_in):
        """The tasks that keep the door in touch with its host."""
        from altgate.link import wiring
        from altgate.link.quiet import Quiet

        uplink, quiet = self.uplink, Quiet(ways_in)
        heard = (uplink.on_message, uplink.on_up, uplink.on_down)
        client, tasks = wiring.client(self._door.identity, self.session.keys.pair, *heard, quiet.is_now)
        uplink.attach(client)
        return tasks + [uplink.run()]


def _templates(wrap, door_id, failed):
    """The vault, or None where its flash refuses: face rests then, and every other way in goes on."""
    try:
        key = hkdf.hkdf(wrap, b"", b"altgate/templates", 64)
        return Templates(board.partition("face_keys"), board.partition("templates"), key, door_id)
    except OSError as error:
        failed("templates", error)
        return None

