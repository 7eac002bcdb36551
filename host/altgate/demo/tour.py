"""The tour: one door through a day's work, unattended. Every step is seen at the pins, on MQTT and in the
register, and any difference ends it."""

import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from altgate.demo.building import BACK, FRONT, PIN, UNIT, Building
from altgate.demo.cast import Cast
from altgate.demo.face_tour import FaceTour
from altgate.demo.observed import SECURE, Observed, Told
from altgate.demo.watch import Watch
from altgate.errors import CheckFailed
from altgate.ledger import review
from altgate.protocol import limits, messages, reasons
from altgate.registry import doors, settings
from altgate.registry import site as sites
from altgate.rig.ntag424 import CloneCard

WRONG_PIN = "111111"


class Tour:
    """One tour through a started building. ``told`` gets each line; ``cast`` has the faces."""

    def __init__(self, building: Building, told: Told, cast: Cast) -> None:
        self._building, self._board, self._told = building, building.board, told
        self.observed = Observed(building, told)
        self._watch = Watch(building.site, building.broker.port, self.observed.seen.append)
        self._face = FaceTour(self.observed, cast)
        self._expired = ""

    def run(self) -> None:
        """All steps in order; raises CheckFailed at the first that is not as it should be."""
        # What is refused comes after what opens: meanwhile the strike goes back to its safe side.
        before_consent, *face = self._face.steps()
        steps = (
            self._face.first(),
            ("A genuine NTAG 424 DNA opens", self._genuine_card),
            ("A clone with the same UID does not", self._clone),
            ("A wrong PIN is refused and logged", self._wrong_pin),
            ("Unit number and PIN open", self._pin),
            ("An expired pass and one for another door are refused", self._other_passes),
            ("A QR pass opens once and is used up", self._pass),
            before_consent,
            ("The exit contact is seen", self._exit),
            *face,
            ("The chain of events verifies", self._chain),
            ("One flipped bit in it is found", self._flipped_bit),
        )
        self._watch.start()
        began = time.monotonic()
        try:
            self._set_up()
            for number, (name, step) in enumerate(steps, 1):
                self._told(f"{number:2}/{len(steps)} {name}")
                try:
                    step()
                except TimeoutError as error:
                    raise CheckFailed(f"Step {number}, {name!r}: {error}.") from None
        finally:
            self._watch.stop()
        self._told(f"All {len(steps)} steps as they should be, in {time.monotonic() - began:.0f} s.")

    def _set_up(self) -> None:
        # The shortest release and lease that a door allows, so that the tour does not wait for their ends.
        with self._building.site.write() as session:
            changes = {settings.RELEASE_S: limits.RELEASE_S_MIN, settings.LEASE_S: limits.LEASE_S_MIN}
            doors.change_settings(self._building.site, session, doors.find(session, FRONT), changes)
        self._building.wait_applied()
        self._expired = self._building.issue_pass(lasts_s=1)[0]

    def _genuine_card(self) -> None:
        self.observed.opens(lambda: self._board.tap(self._building.card()), messages.METHOD_CARD)
        self._board.untap()

    def _clone(self) -> None:
        clone = CloneCard(self._building.card())
        self.observed.refuses(lambda: self._board.tap(clone), messages.METHOD_CARD, reasons.CARD_NOT_GENUINE)
        self._board.untap()

    def _pin(self) -> None:
        self.observed.opens(lambda: self._type(PIN), messages.METHOD_PIN)

    def _wrong_pin(self) -> None:
        self.observed.refuses(lambda: self._type(WRONG_PIN), messages.METHOD_PIN, reasons.WRONG_PIN)

    def _pass(self) -> None:
        text = self._building.issue_pass()[0]
        self.observed.opens(lambda: self._show(text), messages.METHOD_QR)
        self.observed.refuses(lambda: self._show(text), messages.METHOD_QR, reasons.USED_UP)

    def _other_passes(self) -> None:
        self.observed.refuses(lambda: self._show(self._expired), messages.METHOD_QR, reasons.EXPIRED)
        other = self._building.issue_pass(BACK)[0]
        self.observed.refuses(lambda: self._show(other), messages.METHOD_QR, reasons.OTHER_DOOR)

    def _exit(self) -> None:
        self.observed.settle()
        before, heard = self._building.last_number(), len(self.observed.seen)
        self._board.drive("exit_contact", 0)
        self._building.wait_event(messages.KIND_EXIT, before)
        self._board.drive("exit_contact", 1)
        if self._board.pins["strike"] != SECURE:
            raise CheckFailed("The strike moved for the exit contact, which works in hardware.")
        self._told("      pins    exit contact closed; the strike rests, the release is in hardware")
        self.observed.heard(heard, messages.KIND_EXIT, None)

    def _chain(self) -> None:
        count, fault = review.verify(self._building.site)
        if fault:
            raise CheckFailed(f"The chain does not verify: {fault}")
        self._told(f"      chain   {count} records, each sealed into the next")

    def _flipped_bit(self) -> None:
        copy = self._building.site.data.parent / "tampered"
        shutil.rmtree(copy, ignore_errors=True)
        number = _copy_with_a_flipped_bit(self._building.site.data, copy)
        tampered = sites.Site(copy)
        try:
            _, fault = review.verify(tampered)
        finally:
            tampered.close()
        if fault is None or str(number) not in fault:
            raise CheckFailed(f"A bit was flipped in record {number}, and the check said: {fault}")
        self._told(f"      chain   in a copy one bit of record {number} was flipped; found: {fault}")

    def _type(self, pin: str) -> None:
        self._board.press(f"{UNIT}#{pin}#")

    def _show(self, text: str) -> None:
        self._board.show_qr(text)


def _copy_with_a_flipped_bit(data: Path, copy: Path) -> int:
    """Copy a building's data and flip one bit of a sealed message in it; returns the record's number."""
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("altgate.db*"))
    with (
        closing(sqlite3.connect(data / sites.DATABASE)) as source,
        closing(sqlite3.connect(copy / sites.DATABASE)) as target,
    ):
        source.backup(target)
        rows = target.execute("SELECT number, message FROM events WHERE message IS NOT NULL ORDER BY number")
        number, message = rows.fetchall()[-1]
        damaged = bytearray(message)
        damaged[len(damaged) // 2] ^= 1
        target.execute("UPDATE events SET message = ? WHERE number = ?", (bytes(damaged), number))
        target.commit()
    (copy / sites.DATABASE).chmod(0o600)
    return int(number)
