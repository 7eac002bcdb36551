"""A board whose flash was put back to an older state is recognised at its hello and brought up to date."""

from pathlib import Path

from sqlalchemy import select

from altgate.demo.building import FRONT, Building
from altgate.link import starts
from altgate.protocol import messages as m
from altgate.protocol import reasons
from altgate.registry import credentials, doors
from altgate.registry.models import Credential, Event


def test_an_old_image_opens_for_nobody_who_was_taken_out_since(tmp_path: Path) -> None:
    with Building(tmp_path) as building:
        board, image = building.board, tmp_path / "board" / "flash.bin"
        number = building.last_number()
        board.tap(building.card())
        assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.GRANTED
        board.untap()
        board.power_off()
        old = image.read_bytes()
        board.power_on()
        with building.site.write() as session:
            cards = select(Credential).where(Credential.type == m.TYPE_CARD, Credential.revoked_at.is_(None))
            for card in session.scalars(cards).all():
                credentials.revoke(building.site, session, card)
        building.wait_applied()
        board.power_off()
        image.write_bytes(old)
        number = building.last_number()
        board.power_on()
        building.wait_event(m.KIND_BOOT, number)
        with building.site.read() as session:
            assert session.scalars(select(Event).where(Event.action == starts.WENT_BACK)).one().actor
            assert doors.find(session, FRONT).journal == 2
        building.wait_applied()
        number = building.last_number()
        board.tap(building.card())
        assert building.wait_event(m.KIND_ENTRY, number).reason == reasons.UNKNOWN_CREDENTIAL
