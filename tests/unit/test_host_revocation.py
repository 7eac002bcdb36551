"""The revocation list: what is on it, for how long, and that it only ever moves forward."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from altgate.errors import SiteUnusable
from altgate.keys import vault
from altgate.keys.authority import issue
from altgate.protocol import messages, reasons
from altgate.registry import commands, doors, revocation
from altgate.registry import site as sites


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lakeside", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        doors.add(made, session, "Front", 1, "0a1b2c3d", False)
        doors.add(made, session, "Back", 1, "0a1b2c3e", False)
    yield made
    made.close()


def load(site: sites.Site) -> x509.CertificateRevocationList:
    return x509.load_pem_x509_crl((site.data / "pki/crl.pem").read_bytes())


def serial(certificate: bytes) -> int:
    return x509.load_der_x509_certificate(certificate).serial_number


def remove(site: sites.Site, name: str) -> None:
    with site.write() as session:
        doors.remove(site, session, doors.find(session, name))
    revocation.refresh(site)


def test_every_certificate_of_a_removed_door_is_listed_and_no_other(site: sites.Site) -> None:
    assert len(load(site)) == 0
    authority = site.authority()
    front = {serial(issue(authority, "0a1b2c3d").certificate) for _ in range(2)}
    issue(authority, "0a1b2c3e")
    remove(site, "Front")
    assert {one.serial_number for one in load(site)} == front


def test_the_list_is_the_authoritys_and_lasts_as_long(site: sites.Site) -> None:
    remove(site, "Front")
    made, ca = load(site), x509.load_der_x509_certificate(site.authority().certificate)
    key = ca.public_key()
    assert made.is_signature_valid(key) and made.issuer == ca.subject  # type: ignore[arg-type]
    assert made.next_update_utc == ca.not_valid_after_utc
    assert made.last_update_utc <= datetime.now(UTC)


def test_each_list_has_a_higher_number_and_replaces_the_file_at_once(site: sites.Site) -> None:
    def number() -> int:
        return load(site).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    folder = site.data / "pki"
    (folder / "crl.pem.new").write_text("left by a crash")
    before = number()
    for name in ("Front", "Back"):
        remove(site, name)
        assert number() > before
        before = number()
    assert not (folder / "crl.pem.new").exists()
    assert (folder / "crl.pem").stat().st_mode & 0o777 == 0o600
    (folder / "crl.pem").unlink()
    assert load_after_refresh(site) == set()


def load_after_refresh(site: sites.Site) -> set[int]:
    revocation.refresh(site)
    return {one.serial_number for one in load(site)}


def test_a_full_disk_is_said_and_made_good_later(site: sites.Site, monkeypatch: pytest.MonkeyPatch) -> None:
    front = serial(issue(site.authority(), "0a1b2c3d").certificate)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(vault, "write_private", full)
        with pytest.raises(SiteUnusable, match="No space left"):
            remove(site, "Front")
    assert len(load(site)) == 0
    assert load_after_refresh(site) == {front}


def test_commands_of_a_removed_door_end(site: sites.Site) -> None:
    with site.write() as session:
        number = commands.request(site, session, doors.find(session, "Front"), messages.VERB_UNLOCK, 60)
    remove(site, "Front")
    with site.read() as session:
        assert commands.result(session, number) == reasons.TIMED_OUT
