"""The tour's part about face: off until asked, only with the host's word, and gone when it is taken back."""

import base64
import http.client
import json
import re
import time
from collections.abc import Callable

from altgate.consent import links, states
from altgate.demo.building import FRONT, PIN, RESIDENT, UNIT
from altgate.demo.cast import Cast
from altgate.demo.observed import Observed
from altgate.demo.person import Person
from altgate.errors import CheckFailed
from altgate.protocol import limits, messages, reasons, topics
from altgate.registry import doors, residents
from altgate.web.app import PATH
from altgate.web.serve import PageServer

Step = tuple[str, Callable[[], None]]
ERASED = re.compile(rb"[\x00\xff]*")
PART = 16
LEASE_S = limits.LEASE_S_MIN + 1


class FaceTour:
    """Steps over an observed building with the resident of the demo."""

    def __init__(self, observed: Observed, cast: Cast) -> None:
        self._observed, self._building, self._board = observed, observed.building, observed.board
        self._cast = cast
        self._person = Person(observed.building)
        self._told = observed.told
        self._pass, self._before, self._stopped_s, self._said_at = "", 0, 0.0, 0

    def first(self) -> Step:
        """Before anybody has shown a card."""
        return "Outside a presence nobody can say yes or be enrolled", self._not_present

    def steps(self) -> tuple[Step, ...]:
        """Names and functions, in order."""
        return (
            ("Face before any consent is refused, and its camera gets no supply", self._before_consent),
            ("The resident says yes at the door; until the host knows, no enrolment", self._say_yes),
            ("Three pictures that agree make a template, sealed on the door", self._enrol),
            ("The enrolled person opens by face", self._opens),
            ("Another person's photo does not, and leaves no trace", self._stranger),
            ("Without a broker face opens within its lease", self._within_the_lease),
            ("Without a broker card, PIN and QR open as ever", self._other_ways),
            (
                "When the lease has ended face is refused; the events arrive with the broker",
                self._lease_ended,
            ),
            ("Withdrawn at the door: erased there, and the card still opens", self._withdraw_at_the_door),
            ("Withdrawn with one click on the resident's page: erased at the door", self._withdraw_on_page),
        )

    def _before_consent(self) -> None:
        self._told(f"      faces   {self._cast.origin}")
        self._board.camera.show(*self._cast.later[:1])

        def claim() -> None:
            self._board.press_face_key()
            self._board.tap(self._person.card)

        self._refuses_without_supply(claim, reasons.NO_CONSENT)
        self._board.untap()

    def _not_present(self) -> None:
        before = self._building.last_number()
        self._observed.supply_stays_low(self._board.hold_face_key)
        self._observed.recorded(before, messages.METHOD_FACE, reasons.NOT_PRESENT, messages.KIND_CEREMONY)

    def _say_yes(self) -> None:
        self._observed.settle()
        heard = len(self._observed.seen)
        self._person.begin()
        before = self._building.last_number()
        self._person.type(_other_code(self._person.code) + "#")
        self._ceremony_refused(before, reasons.NOTICE_CODE_WRONG)
        self._building.pause_host()
        self._told("      host    paused")
        self._person.say_yes()
        said = self._observed.message(heard, topics.UP_CONSENT, lambda _fields: True)
        self._told(f"      mqtt    {said.text}")
        if self._person.consent() is not None:
            raise CheckFailed("The register has a consent that no host has taken.")
        greens = self._person.greens
        self._observed.supply_stays_low(lambda: self._shot_refused(self._cast.enrolment[0]))
        self._building.serve()
        self._told("      host    serving again")
        recorded = self._person.wait_consent(states.is_in_force, "the consent in the register")
        self._board.events.wait(lambda: self._person.greens > greens or None, 15, "a green lamp")
        event = self._building.wait_event(messages.KIND_CONSENT, before)
        self._told(f"      ledger  record {event.number}: consent {recorded.consent.hex()[:12]} given")
        self._said_at = before

    def _shot_refused(self, vector: bytes) -> None:
        self._board.camera.show(vector)
        reds = self._person.reds
        self._board.press_face_key()
        self._board.events.wait(lambda: self._person.reds > reds or None, 5, "a red lamp")

    def _has_been_refused(self) -> bool | None:
        """Whether the register knows by now that an enrolment was tried before the host's word."""
        events = self._building.events(messages.KIND_CEREMONY)
        reasons_ = [event.reason for event in events if event.number > self._said_at]
        return reasons.CONSENT_PENDING in reasons_ or None

    def _enrol(self) -> None:
        heard = len(self._observed.seen)
        self._person.shots(self._cast.enrolment)
        self._person.wait_consent(lambda one: one.enrolled_at is not None, "the enrolment in the register")
        told = self._observed.message(
            heard,
            topics.UP_CONSENT,
            lambda fields: fields[messages.CONSENT_STATE] == messages.CONSENT_ENROLLED,
        )
        self._told(f"      mqtt    {told.text}")
        # It happened before; the door repeats what the paused host has not heard.
        self._building.wait(self._has_been_refused, "the refusal of an enrolment before the host's word")
        self._told("      record  the enrolment tried before the host's word: consent_pending")
        self._told(f"      flash   {self._slots_in_use()} slots of keys and templates in use")
        if self._slots_in_use() != 2:
            raise CheckFailed("One template should take one slot for it and one for its key.")

    def _opens(self) -> None:
        self._observed.opens(lambda: self._claims(self._cast.later[0]), messages.METHOD_FACE)

    def _claims(self, face: bytes) -> None:
        with self._person.looking():
            self._person.claim(face)
        self._board.camera.show()

    def _stranger(self) -> None:
        stranger = self._cast.other
        self._observed.refuses(lambda: self._claims(stranger), messages.METHOD_FACE, reasons.FACE_MISMATCH)
        self._leaves_no_trace(stranger)

    def _leaves_no_trace(self, vector: bytes) -> None:
        """No 16 bytes of a vector, also not in base64, are in flash, on MQTT, on the console or in a file."""
        places = {"the door's flash": self._flash_image(), "the console": self._board.console.text().encode()}
        for path in self._building.site.data.parent.rglob("*"):
            if path.is_file() and path.name != "flash.bin":
                places[path.name] = path.read_bytes()
        places["MQTT"] = b"".join(
            value
            for seen in self._observed.seen
            for value in seen.fields.values()
            if isinstance(value, bytes)
        )
        text = base64.b64encode(vector)
        parts = [vector[at : at + PART] for at in range(0, len(vector), PART)]
        parts += [text[at : at + PART] for at in range(0, len(text), PART)]
        for place, content in places.items():
            # A part of nothing but zeros or their "A" says nothing about anybody.
            if any(len(set(part)) > 2 and part in content for part in parts):
                raise CheckFailed(f"A stranger's vector was found in {place}.")
        self._told(f"      search  no part of that vector in flash, on MQTT or in {len(places) - 2} files")

    def _within_the_lease(self) -> None:
        self._observed.settle()
        self._pass = self._building.issue_pass()[0]
        self._building.broker.stop()
        self._stopped_s = time.monotonic()
        self._told("      broker  stopped")
        self._before = self._building.last_number()
        self._observed.released(lambda: self._claims(self._cast.later[1]))

    def _other_ways(self) -> None:
        self._observed.released(self._person.show_card)
        self._observed.released(lambda: self._person.type(f"{UNIT}#{PIN}#"))
        self._observed.released(lambda: self._board.show_qr(self._pass))

    def _lease_ended(self) -> None:
        time.sleep(max(0.0, self._stopped_s + LEASE_S - time.monotonic()))
        self._told(f"      lease   {limits.LEASE_S_MIN} s, ended by now")
        since, reds = self._board.now_us(), self._person.reds

        def claim() -> None:
            self._person.claim(self._cast.later[1])
            self._board.events.wait(lambda: self._person.reds > reds or None, 5, "a red lamp")

        self._observed.supply_stays_low(claim)
        self._observed.stays_secure(since)
        if self._building.last_number() != self._before:
            raise CheckFailed("An event reached the register with the broker stopped.")
        self._building.broker.start()
        self._told("      broker  started")
        number = self._before
        for method, reason in (
            (messages.METHOD_FACE, reasons.GRANTED),
            (messages.METHOD_CARD, reasons.GRANTED),
            (messages.METHOD_PIN, reasons.GRANTED),
            (messages.METHOD_QR, reasons.GRANTED),
            (messages.METHOD_FACE, reasons.LEASE_ENDED),
        ):
            number = self._observed.recorded(number, method, reason)

    def _withdraw_at_the_door(self) -> None:
        self._observed.settle()
        self._person.withdraw()
        ended = self._person.wait_consent(
            lambda one: one.erased_at is not None, "the erasure in the register"
        )
        if ended.state != messages.CONSENT_WITHDRAWN:
            raise CheckFailed("The register does not say that the resident has withdrawn.")
        self._all_erased()
        self._refuses_without_supply(lambda: self._person.claim(self._cast.later[0]), None)

    def _withdraw_on_page(self) -> None:
        # The card that begins it is also the proof that it still opens after the withdrawal.
        self._observed.settle()
        self._person.begin()
        self._told("      pins    the card still opens")
        self._person.say_yes()
        self._person.wait_acknowledged()
        self._person.shots(self._cast.enrolment)
        self._person.wait_consent(lambda one: one.enrolled_at is not None, "the enrolment in the register")
        self._click()
        self._person.wait_consent(lambda one: one.erased_at is not None, "the erasure in the register")
        self._all_erased()
        self._refuses_without_supply(lambda: self._person.claim(self._cast.later[0]), None)
        self._observed.opens(self._person.show_card, messages.METHOD_CARD)

    def _click(self) -> None:
        """Open the resident's page by a one-time link, and withdraw at the front door."""
        site = self._building.site
        with site.write() as session:
            token = links.make(site, session, residents.find(session, RESIDENT))
        page = PageServer(site, "127.0.0.1", 0)
        page.start()
        connection = http.client.HTTPConnection("localhost", page.port, timeout=10)
        try:
            cookie = _post(connection, "session", {"token": token}, {})
            _post(connection, "withdraw", {"at": self._front()}, {"cookie": cookie})
        finally:
            connection.close()
            page.stop()
        self._told("      page    one-time link opened, one click: withdrawn")

    def _front(self) -> str:
        with self._building.site.read() as session:
            return doors.find(session, FRONT).door_id

    def _refuses_without_supply(self, act: Callable[[], object], reason: int | None) -> None:
        """A claim by face is refused; where no reason is given, as from somebody whom the door knows not."""
        why = reasons.UNKNOWN_CREDENTIAL if reason is None else reason
        self._observed.supply_stays_low(lambda: self._observed.refuses(act, messages.METHOD_FACE, why))

    def _ceremony_refused(self, before: int, reason: int) -> None:
        self._observed.recorded(before, messages.METHOD_FACE, reason, messages.KIND_CEREMONY)

    def _all_erased(self) -> None:
        if self._slots_in_use():
            raise CheckFailed("A key or a template is still in flash.")
        self._told("      flash   pages of keys and templates read back: zeros and nothing else")

    def _slots_in_use(self) -> int:
        """How many slots of the two raw partitions hold something else than 0x00 or 0xFF."""
        image, count = self._flash_image(), 0
        for name, size in (("face_keys", 128), ("templates", 256)):
            offset, length = self._board.wiring.partition(name)
            for at in range(offset, offset + length, size):
                count += not ERASED.fullmatch(image[at : at + size])
        return count

    def _flash_image(self) -> bytes:
        return (self._building.site.data.parent / "board" / "flash.bin").read_bytes()


def _other_code(code: str) -> str:
    return f"{(int(code) + 1) % 10**limits.NOTICE_CODE_DIGITS:06}"


def _post(
    connection: http.client.HTTPConnection, name: str, content: dict[str, str], headers: dict[str, str]
) -> str:
    """Post JSON as the page does; returns the cookie that was set, if any."""
    origin = f"http://localhost:{connection.port}"
    headers = {"content-type": "application/json", "origin": origin, **headers}
    connection.request("POST", f"{PATH}/{name}", json.dumps(content), headers)
    answer = connection.getresponse()
    answer.read()
    if answer.status != 204:
        raise CheckFailed(f"The resident's page answered {answer.status} to {name}.")
    return (answer.getheader("set-cookie") or "").split(";")[0]
