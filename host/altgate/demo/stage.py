"""What somebody on the demo's page can do, and what the page is told. Knows nothing of HTTP."""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import segno
from sqlalchemy import select

from altgate.consent import links, notices
from altgate.demo.building import BACK, FRONT, PIN, RESIDENT, UNIT, Building
from altgate.demo.gallery import Gallery
from altgate.demo.person import DOOR_PIN
from altgate.demo.watch import Seen, Watch
from altgate.errors import Refused
from altgate.ledger import review
from altgate.protocol import messages
from altgate.registry import doors, residents, settings
from altgate.registry.models import Door, Event
from altgate.rig.cards import Card, UidCard
from altgate.rig.ntag424 import CloneCard
from altgate.texts import LANGUAGES, reason_text

Message = dict[str, Any]
Tell = Callable[[Message], None]
HELD_S = 0.4  # a finger on the exit button
LOOK_S = 0.5
OPEN, CLOSED = 1, 0


class Stage:
    """``tell(message)`` gets every change, from any thread; ``do(action)`` carries out what the page asks."""

    def __init__(self, building: Building, tell: Tell, faces: Path) -> None:
        self._building, self._board, self._tell = building, building.board, tell
        self._watch = Watch(building.site, building.broker.port, self._on_mqtt)
        self._gallery = Gallery(faces, tell)
        self._looking: str | None = None
        self._passes: dict[str, Message] = {}
        self._texts: dict[str, str] = {}
        self._is_broker_on = True
        self._is_door_open = False
        self._is_legacy_on = False
        self._ending = threading.Event()
        self._follower = threading.Thread(target=self._follow, name="events", daemon=True)
        self._lock = threading.Lock()
        self._cards: dict[str, Card] = {
            "genuine": building.card(),
            "clone": CloneCard(building.card()),
            "uid": UidCard(),
        }
        self._actions: dict[str, Callable[[Message], None]] = {
            "tap": self._tap, "untap": self._untap, "key": self._key, "pass": self._show,
            "issue": self._issue, "door": self._door, "force": self._force, "exit": self._exit,
            "unlock": self._unlock, "broker": self._broker, "power": self._power, "legacy": self._legacy,
            "face_key": self._face_key, "look": self._look, "link": self._link,
        }  # fmt: skip

    def start(self) -> None:
        """Begin to look on; issues the passes that the page offers."""
        self._watch.start()
        self._offer("good", FRONT, 24 * 3600)
        self._offer("other", BACK, 24 * 3600)
        self._offer("ended", FRONT, 1)
        self._texts["forged"] = self._texts["good"][:-8] + "AAAAAAAA"
        self._passes["forged"] = {"id": "forged", "svg": _svg(self._texts["forged"])}
        self._board.subscribe(self._on_board)
        self._follower.start()
        self._gallery.start()

    def stop(self) -> None:
        """Stop looking on."""
        self._gallery.stop()
        self._ending.set()
        self._follower.join()
        self._watch.stop()

    def whole(self) -> Message:
        """All that a page needs when it opens."""
        with self._building.site.read() as session:
            notice = notices.current(session)
            resident = residents.find(session, RESIDENT)
            number = session.scalars(select(Event.number).order_by(Event.number.desc()).limit(30)).all()
        return {
            "type": "whole",
            "unit": UNIT,
            "pin": PIN,
            "door_pin": DOOR_PIN,
            "code": notices.code(notice) if notice else None,
            "number": resident.personal_number,
            "gallery": self._gallery.whole(),
            "passes": list(self._passes.values()),
            "events": self._rows(number[-1] - 1 if number else 0),
            **self._pins(),
        }

    def do(self, action: Message) -> None:
        """Carry out one request of the page; raises Refused for one that makes no sense."""
        name = action.get("do")
        if not isinstance(name, str) or name not in self._actions:
            raise Refused("The page asked for something that the demo does not know.")
        # One hand at a time: two pages open on the same demo take turns.
        with self._lock:
            self._actions[name](action)
        self._tell({"type": "pins", **self._pins()})

    def _tap(self, action: Message) -> None:
        card = self._cards.get(str(action.get("card")))
        if card is None:
            raise Refused("There is no such card.")
        if self._board.reader.cards():
            self._board.untap()
        self._board.tap(card)

    def _untap(self, _action: Message) -> None:
        self._board.untap()

    def _key(self, action: Message) -> None:
        key = str(action.get("key"))
        if len(key) != 1 or key not in "0123456789*#":
            raise Refused("The keypad has no such key.")
        self._board.press(key)

    def _face_key(self, action: Message) -> None:
        if action.get("held"):
            self._board.hold_face_key()
        else:
            self._board.press_face_key()

    def _look(self, action: Message) -> None:
        """Hold a face before the camera, or take it away (no name)."""
        name = action.get("face")
        vector = self._gallery.vector(str(name)) if name else None
        if name and vector is None:
            raise Refused("There is no such face.")
        self._board.camera.show(*((vector,) if vector else ()))
        self._looking = str(name) if name else None

    def _link(self, _action: Message) -> None:
        """A one-time link to the resident's page."""
        with self._building.site.write() as session:
            token = links.make(self._building.site, session, residents.find(session, RESIDENT))
        self._tell({"type": "link", "path": f"/me/#{token}"})

    def _show(self, action: Message) -> None:
        text = self._texts.get(str(action.get("id")))
        if text is None:
            raise Refused("There is no such pass.")
        self._board.show_qr(text)

    def _issue(self, _action: Message) -> None:
        self._offer("good", FRONT, 24 * 3600)
        self._tell({"type": "passes", "passes": list(self._passes.values())})

    def _door(self, _action: Message) -> None:
        """Push or close the door; pushed, it opens only while the strike is released."""
        if not self._is_door_open and not self._board.pins.get("strike"):
            raise Refused("locked")
        self._move(not self._is_door_open)

    def _force(self, _action: Message) -> None:
        self._move(True)

    def _exit(self, _action: Message) -> None:
        # The button cuts the lock's supply in hardware; the firmware only sees its contact.
        self._board.drive("exit_contact", 0)
        self._move(True)
        time.sleep(HELD_S)
        self._board.drive("exit_contact", 1)

    def _move(self, is_open: bool) -> None:
        self._is_door_open = is_open
        self._board.drive("door_contact", OPEN if is_open else CLOSED)

    def _unlock(self, _action: Message) -> None:
        self._building.request(messages.VERB_UNLOCK)

    def _broker(self, _action: Message) -> None:
        self._is_broker_on = not self._is_broker_on
        if self._is_broker_on:
            self._building.broker.start()
        else:
            self._building.broker.stop()

    def _power(self, _action: Message) -> None:
        if self._board.is_on:
            self._board.power_off()
        else:
            self._board.power_on()

    def _legacy(self, _action: Message) -> None:
        is_on = not self._is_legacy_on
        with self._building.site.write() as session:
            door = doors.find(session, FRONT)
            doors.change_settings(self._building.site, session, door, {settings.LEGACY_UID: int(is_on)})
        self._is_legacy_on = is_on

    def _offer(self, name: str, door: str, lasts_s: int) -> None:
        self._texts[name] = self._building.issue_pass(door, lasts_s)[0]
        self._passes[name] = {"id": name, "svg": _svg(self._texts[name])}

    def _pins(self) -> Message:
        pins, held = self._board.pins, self._board.reader.cards()
        return {
            "is_on": self._board.is_on,
            "is_broker_on": self._is_broker_on,
            "is_legacy_on": self._is_legacy_on,
            "is_released": bool(pins.get("strike")),
            "is_door_open": self._is_door_open,
            "face_supply": pins.get("face_supply", 0),
            "lamp": [list(colour) for colour in self._board.events.lamp][:1],
            "face": self._looking,
            "card": next((name for name, card in self._cards.items() if card in held), None),
        }

    def _on_board(self, message: Message) -> None:
        if "pwm" in message:
            self._tell({"type": "tone", "hertz": message["freq"] if message["duty"] else 0})
        elif "pin" in message or "lamp" in message or "rig" in message:
            self._tell({"type": "pins", **self._pins()})

    def _on_mqtt(self, seen: Seen) -> None:
        self._tell({"type": "mqtt", "text": seen.text, "size": seen.size})

    def _rows(self, after: int) -> list[Message]:
        with self._building.site.read() as session:
            names = {door.door_id: door.name for door in session.scalars(select(Door))}
            events = session.scalars(select(Event).where(Event.number > after).order_by(Event.number))
            rows = [(event, review.row(event, names, LANGUAGES[0])) for event in events]
        return [
            {**row, "texts": {language: reason_text(event.reason, language) for language in LANGUAGES}}
            if event.reason is not None
            else row
            for event, row in rows
        ]

    def _newer(self, last: int) -> list[Message] | None:
        return self._rows(last) or None

    def _follow(self) -> None:
        """Tell of each new record; a thread of its own, because it waits for the register."""
        last = 0
        with self._building.site.read() as session:
            last = session.scalars(select(Event.number).order_by(Event.number.desc())).first() or 0
        while not self._ending.is_set():
            try:
                rows = self._building.wait(partial(self._newer, last), "a record", LOOK_S)
            except TimeoutError:
                continue
            last = rows[-1]["number"]
            self._tell({"type": "events", "events": rows})


def _svg(text: str) -> str:
    return str(segno.make(text, micro=False, error="m").svg_inline(omitsize=True, border=2, light="#fff"))
