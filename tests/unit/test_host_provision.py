"""Tickets, boards that ask to be admitted, and what becomes of the register."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from altgate.errors import BadMessage, Refused
from altgate.keys.cards import diversify
from altgate.keys.derive import door_subkey
from altgate.protocol import provisioning as p
from altgate.protocol import reasons
from altgate.provision import ticket as tickets
from altgate.provision.board import Wifi
from altgate.registry import doors, enrolments, revocation
from altgate.registry import site as sites
from altgate.registry.models import Door, Ticket
from support.applicant import Applicant, admitted

BROKER = ("broker.local", 8883)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        doors.add(made, session, "Front", 1, "0a1b2c3d", False)
        doors.add(made, session, "Back", 1, "0a1b2c3e", False)
    yield made
    made.close()


def issued(site: sites.Site, door: str = "Front", **more: Any) -> tickets.Ticket:
    with site.write() as session:
        found = doors.find(session, door)
        return tickets.read(enrolments.issue_ticket(site, session, found, BROKER, 14, **more))


def taken(site: sites.Site, request: bytes, door: str = "Front") -> None:
    with site.write() as session:
        enrolments.take(site, session, doors.find(session, door), request)


def state(site: sites.Site, door: str = "Front") -> str:
    with site.read() as session:
        return enrolments.state(session, doors.find(session, door))


def refused(site: sites.Site, request: bytes, door: str = "Front") -> int:
    with pytest.raises(BadMessage) as raised:
        taken(site, request, door)
    return raised.value.reason


def the_door(site: sites.Site) -> Door:
    with site.read() as session:
        return doors.find(session, "Front")


def test_a_door_goes_from_ticket_to_use(site: sites.Site) -> None:
    assert state(site) == "registered"
    board = Applicant(issued(site))
    assert state(site) == "ticket issued"
    taken(site, board.request)
    taken(site, board.request)  # it asks until it is admitted
    assert state(site) == "waiting"
    with site.write() as session:
        door = doors.find(session, "Front")
        row = enrolments.current(session, door)
        assert row
        assert enrolments.waiting(row).hardware_id == "a17e9a7e0001"
        admission = enrolments.admit(site, session, door, row)
    assert state(site) == "admitted"
    told, door = board.told(admission), the_door(site)
    assert door.generation == told[p.GENERATION] == 0
    assert doors.journal_key(site, door) == told[p.JOURNAL_KEY]
    assert doors.board_key(site, door) == board.key != doors.key(site, door)
    assert told[p.INDEX_KEY] == door_subkey(doors.key(site, door), "index")
    with site.write() as session:
        enrolments.heard(session, doors.find(session, "Front"))
    assert state(site) == "in use"


def test_a_ticket_and_a_used_one_hold_no_secret_of_the_door(site: sites.Site) -> None:
    ticket = issued(site)
    board = Applicant(ticket)
    taken(site, board.request)
    door = the_door(site)
    with site.write() as session:
        found = doors.find(session, "Front")
        row = enrolments.current(session, found)
        assert row
        enrolments.admit(site, session, found, row)
        zone_key = doors.zone_key(site, session, 1)
    for secret in (doors.key(site, door), doors.board_key(site, the_door(site)), zone_key):
        assert secret not in ticket.given
    assert "secret" not in repr(ticket) and ticket.secret.hex() not in repr(ticket)
    with site.write() as session:
        enrolments.heard(session, doors.find(session, "Front"))
    with site.read() as session:
        used = session.query(Ticket).one()
        kept = (used.sealed_text, used.sealed_server_key, used.sealed_board_key, used.admission)
        assert kept == (None, None, None, None)


def test_the_certificate_is_for_the_boards_own_key_and_older_ones_are_revoked(site: sites.Site) -> None:
    board, admission = admitted(site, "Front")
    certificate = x509.load_der_x509_certificate(board.told(admission)[p.CERTIFICATE])
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    own = board.private.public_key().public_bytes(*form)
    assert certificate.public_key().public_bytes(*form) == own == the_door(site).public_key
    revocation.refresh(site)
    listed = x509.load_pem_x509_crl((site.data / "pki" / "crl.pem").read_bytes())
    entry = x509.load_der_x509_certificate(board.ticket.fields[p.CERTIFICATE])
    assert listed.get_revoked_certificate_by_serial_number(entry.serial_number)
    assert not listed.get_revoked_certificate_by_serial_number(certificate.serial_number)
    admitted(site, "Front", is_replacing=False)  # not heard yet: another board may take its place
    revocation.refresh(site)
    listed = x509.load_pem_x509_crl((site.data / "pki" / "crl.pem").read_bytes())
    assert listed.get_revoked_certificate_by_serial_number(certificate.serial_number)


def test_a_replaced_board_has_new_keys_and_the_doors_tags(site: sites.Site) -> None:
    first, admission = admitted(site, "Front")
    before = first.told(admission)
    with site.write() as session:
        enrolments.heard(session, doors.find(session, "Front"))
    with pytest.raises(Refused, match="--replace"):
        issued(site)
    second, admission = admitted(site, "Front", is_replacing=True)
    after, door = second.told(admission), the_door(site)
    assert after[p.GENERATION] == 1 and door.journal == 2
    assert (before[p.INDEX_KEY], before[p.PASS_KEY]) == (after[p.INDEX_KEY], after[p.PASS_KEY])
    assert before[p.JOURNAL_KEY] != after[p.JOURNAL_KEY]
    assert doors.board_key(site, door) == second.key and doors.board_key(site, door, 0) == first.key
    with pytest.raises(InvalidTag):
        first.told(admission)


def test_requests_that_do_not_fit_change_nothing(site: sites.Site) -> None:
    ticket, other = issued(site), issued(site, "Back")
    right = Applicant(ticket)
    record, mac = cbor2.loads(right.request)
    assert refused(site, right.request, "Back") == reasons.NOT_PROVISIONED
    assert refused(site, Applicant(ticket, given=other.given).request) == reasons.BAD_MAC
    assert refused(site, cbor2.dumps([record, mac[:-1] + bytes((mac[-1] ^ 1,))])) == reasons.BAD_MAC
    assert refused(site, Applicant(ticket, common_name="0a1b2c3e").request) == reasons.BAD_SHAPE
    assert refused(site, Applicant(ticket, SHARE=b"\4" + bytes(64)).request) == reasons.BAD_SHAPE
    assert refused(site, Applicant(ticket, TICKET_ID=bytes(8)).request) == reasons.NOT_PROVISIONED
    for name in ("x" * 65, "\x1b[2Kof the office", "two\nlines"):
        assert refused(site, Applicant(ticket, BOARD_NAME=name).request) == reasons.BAD_SHAPE
    for junk in (b"", b"\xff", right.request[:-1], right.request + b"\0", b"\xd8\x1d\x00", bytes(5000)):
        assert refused(site, junk) in (reasons.BAD_SHAPE, reasons.BAD_CBOR)
    assert state(site) == "ticket issued"


def test_a_ticket_is_good_once_and_until_it_ends(site: sites.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket = issued(site)
    taken(site, Applicant(ticket).request)
    # A board that was reset asks anew until one is admitted.
    last = Applicant(ticket)
    taken(site, last.request)
    with site.write() as session:
        door = doors.find(session, "Front")
        row = enrolments.current(session, door)
        assert row
        last.told(enrolments.admit(site, session, door, row))
    assert refused(site, Applicant(ticket).request) == reasons.ALREADY_PROVISIONED
    withdrawn = issued(site, "Back")
    with site.write() as session:
        assert enrolments.withdraw(site, session, doors.find(session, "Back"))
        assert not enrolments.withdraw(site, session, doors.find(session, "Back"))
    assert refused(site, Applicant(withdrawn).request, "Back") == reasons.ALREADY_PROVISIONED
    late = issued(site, "Back")
    monkeypatch.setattr(enrolments, "now_s", lambda: late.expires + 1)
    monkeypatch.setattr(tickets, "now_s", lambda: late.expires + 1)
    assert refused(site, Applicant(late).request, "Back") == reasons.EXPIRED
    with pytest.raises(Refused, match="expired"):
        late.check_time()


def test_an_altered_ticket_is_refused(site: sites.Site) -> None:
    with site.write() as session:
        text = enrolments.issue_ticket(site, session, doors.find(session, "Front"), BROKER, 14)
    assert tickets.read(text.lower().upper() + "\n").door_name == "Front"
    for at in range(len(tickets.PREFIX), len(text), 37):
        other = "A" if text[at] != "A" else "B"
        with pytest.raises(Refused):
            tickets.read(text[:at] + other + text[at + 1 :])
    for junk in ("", "ALTGATE:1:", "ALTGATE:2:" + text[10:], text[:-8], text + "AAAAAAAA", "x" * 9000):
        with pytest.raises(Refused, match="no ticket|altered"):
            tickets.read(junk)


def test_no_secret_in_a_representation() -> None:
    assert "horse" not in repr(Wifi("Lakeside", "correct horse"))
    for wifi in (Wifi("x" * 33), Wifi("Lakeside", "short")):
        with pytest.raises(Refused):
            wifi.check()


def test_micropython_takes_the_certificates(site: sites.Site, device: Any, tmp_path: Path) -> None:
    ticket = issued(site)
    for name, number in (("ca", p.CA), ("cert", p.CERTIFICATE), ("key", p.PRIVATE_KEY)):
        (tmp_path / name).write_bytes(ticket.fields[number])
    device.run(
        "import sys, tls\nread = lambda n: open(sys.argv[-1] + '/' + n, 'rb').read()\n"
        "c = tls.SSLContext(tls.PROTOCOL_TLS_CLIENT)\nc.load_verify_locations(read('ca'))\n"
        "c.load_cert_chain(read('cert'), read('key'))\n",
        args=[str(tmp_path)],
    )


def test_card_keys_follow_an10922() -> None:
    key = bytes.fromhex("00112233445566778899AABBCCDDEEFF")
    context = bytes.fromhex("04782E21801D803042F54E585020416275")
    assert diversify(key, context).hex().upper() == "A8DD63A3B89D54B37CA802473FDA9175"


def test_the_given_hash_is_that_of_what_the_board_gets(site: sites.Site) -> None:
    ticket = issued(site)
    with site.read() as session:
        assert session.query(Ticket).one().given_hash == hashlib.sha256(ticket.given).digest()
