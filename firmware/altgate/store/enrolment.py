"""A board that has taken a ticket and waits to be admitted: its own keys, and what it was told.

The keys are drawn on the board. Its private key never leaves it; its own 32-byte key goes to the server by a
P-256 agreement with the ticket's SERVER_KEY, so that neither the laptop nor the broker has it. In flash all
of it lies as the identity does, under the wrapping key.
"""

import hashlib
from collections import namedtuple

import altgate
from altgate import pins
from altgate.crypto import cbor, hkdf, hmac256, siv
from altgate.store import files, identity
from altgate.store.identity import Unfit
from protocol import limits, provisioning, reasons

_MOST = 8192
_ASSOCIATED = (b"altgate/enrolment/1",)

# key of a ticket: as identity.SHAPES
_TICKET = {
    provisioning.SERVER_KEY: (bytes, provisioning.POINT_BYTES, provisioning.POINT_BYTES),
    provisioning.BUILDING: (str, 1, 128),
    provisioning.DOOR_NAME: (str, 1, 128),
}
_OF_IDENTITY = (
    provisioning.DOOR_ID, provisioning.ZONE, provisioning.BROKER_HOST, provisioning.BROKER_PORT,
    provisioning.BROKER_NAME, provisioning.CA, provisioning.CERTIFICATE, provisioning.PRIVATE_KEY,
    provisioning.ORIGIN, provisioning.TICKET_ID, provisioning.TICKET_SECRET, provisioning.EXPIRES,
)  # fmt: skip
_LAPTOP = (provisioning.WIFI_SSID, provisioning.WIFI_PASSWORD, provisioning.TIME)
_ADMISSION = (
    provisioning.GENERATION, provisioning.CERTIFICATE, provisioning.ZONE_KEY, provisioning.INDEX_KEY,
    provisioning.PASS_KEY, provisioning.JOURNAL_KEY,
)  # fmt: skip
_TICKET.update({key: identity.SHAPES[key] for key in _OF_IDENTITY})

# The fields up to provisioned_at are those that a client of the broker is made from, as in an Identity.
Enrolment = namedtuple(
    "Enrolment",
    (
        "door_id", "broker_host", "broker_port", "broker_name", "ca", "certificate", "private_key",
        "wifi_ssid", "wifi_password", "provisioned_at", "ticket_id", "ticket_secret", "record", "kept",
    ),
)  # fmt: skip


def load(page):
    """The Enrolment of this board, or None; raises files.Damaged or siv.SivError. page: of the wrapping
    key."""
    sealed = files.read(identity.ENROLMENT, _MOST)
    if sealed is None:
        return None
    wrap = identity.wrapping_key(page)
    if wrap is None:
        raise files.Damaged("keys")
    content = siv.open_(wrap, sealed, _ASSOCIATED)
    held = _of(cbor.decode(bytes(content)))
    siv.wipe(content)
    return held


async def make(page, hardware_id, before, content, wifi):
    """Take a ticket, with what a laptop adds, and keep what comes of it; returns the Enrolment.

    hardware_id: of the chip, as text. before: the Enrolment by which the board waits already, or None: the
    same ticket may come again, to correct the network, and another one is refused. wifi: ``(ssid, password)``
    for a content that names no network, or None. Raises Unfit and OSError, and nothing has changed.
    """
    told = _map(content)
    given = told.get(provisioning.GIVEN)
    _check(told, {key: identity.SHAPES[key] for key in _LAPTOP}, (provisioning.GIVEN,))
    if type(given) is not bytes:
        raise Unfit(reasons.BAD_SHAPE)
    ticket = _map(given)
    _check(ticket, _TICKET)
    if told[provisioning.TIME] > ticket[provisioning.EXPIRES]:
        raise Unfit(reasons.EXPIRED)
    digest = hashlib.sha256(given).digest()
    if before is None:
        kept = await _keys(ticket, digest, hardware_id)
    elif before.kept[provisioning.GIVEN_HASH] == digest:
        kept = dict(before.kept)
    else:
        raise Unfit(reasons.ALREADY_PROVISIONED)
    for key in _LAPTOP:
        kept[key] = told[key]
    if wifi and not told[provisioning.WIFI_SSID]:
        kept[provisioning.WIFI_SSID], kept[provisioning.WIFI_PASSWORD] = wifi
    _save(page, kept)
    return _of(kept)


async def _keys(ticket, digest, hardware_id):
    """What is kept of a ticket, with the keys and the record that are made for it here."""
    from altgate.crypto import csr, p256

    share, public = await p256.slices(p256.generate())
    try:
        agreed = await p256.slices(p256.shared(share, ticket[provisioning.SERVER_KEY]))
    except ValueError:
        raise Unfit(reasons.BAD_SHAPE)
    info = provisioning.BOARD + public + ticket[provisioning.SERVER_KEY]
    board_key = hkdf.hkdf(agreed, digest, info, limits.DOOR_KEY_BYTES)
    private, own = await p256.slices(p256.generate())
    door_id = ticket[provisioning.DOOR_ID]
    record = cbor.encode(
        {
            provisioning.DOOR_ID: door_id,
            provisioning.TICKET_ID: ticket[provisioning.TICKET_ID],
            provisioning.GIVEN_HASH: digest,
            provisioning.SHARE: public,
            provisioning.REQUEST: await p256.slices(csr.request(private, own, door_id)),
            provisioning.HARDWARE_ID: hardware_id,
            provisioning.FIRMWARE: altgate.VERSION,
            provisioning.BUILD: altgate.BUILD,
            provisioning.BOARD_NAME: pins.BOARD,
        }
    )
    mac = hmac256.hmac256(hkdf.door_subkey(board_key, provisioning.ENROL), record)
    kept = {key: ticket[key] for key in _OF_IDENTITY}
    kept[provisioning.GIVEN_HASH] = digest
    kept[provisioning.DOOR_KEY] = board_key
    kept[provisioning.RECORD] = cbor.encode([record, mac])
    kept[provisioning.OWN_KEY] = csr.private_key(private, own)
    return kept


def admit(page, door, sealed):
    """Become the door that the server has admitted; on return it outlives a power cut.

    page: of the wrapping key. door: app.Door, whose enrolment it is. sealed: AES-256-SIV under the board's
    own key. Raises Unfit where it is not for this board, OSError where the flash refuses; the board waits on.
    """
    kept = door.enrolment.kept
    key = hkdf.hkdf(kept[provisioning.DOOR_KEY], b"", provisioning.ADMISSION, siv.KEY_BYTES)
    bound = (provisioning.ADMISSION, kept[provisioning.DOOR_ID].encode(), kept[provisioning.TICKET_ID])
    try:
        content = siv.open_(key, sealed, bound)
    except siv.SivError:
        raise Unfit(reasons.BAD_MAC)
    told = _map(bytes(content))
    siv.wipe(content)
    _check(told, {key: identity.SHAPES[key] for key in _ADMISSION})
    fields = {key: kept[key] for key in (provisioning.DOOR_KEY,) + _OF_IDENTITY + _LAPTOP}
    journal_key = told.pop(provisioning.JOURNAL_KEY)
    fields.update(told)
    fields[provisioning.PRIVATE_KEY] = kept[provisioning.OWN_KEY]
    content = cbor.encode(fields)
    if journal_key in content:
        # It may be no key that is kept: whoever opens the board must not be able to rewrite the past.
        raise Unfit(reasons.BAD_SHAPE)
    identity.parse(content)
    # The identity last, which takes the place of what the board waited with: a cut before it leaves a board
    # that waits, and is admitted again.
    door.journal_keys.set(journal_key)
    identity.save(page, content)


def _save(page, kept):
    wrap = identity.wrapping_key(page) or identity.make_wrapping_key(page)
    files.write(identity.ENROLMENT, siv.seal(wrap, cbor.encode(kept), _ASSOCIATED))


def _of(kept):
    get = kept.get
    return Enrolment(
        get(provisioning.DOOR_ID), get(provisioning.BROKER_HOST), get(provisioning.BROKER_PORT),
        get(provisioning.BROKER_NAME), get(provisioning.CA), get(provisioning.CERTIFICATE),
        get(provisioning.PRIVATE_KEY), get(provisioning.WIFI_SSID), get(provisioning.WIFI_PASSWORD),
        get(provisioning.TIME), get(provisioning.TICKET_ID), get(provisioning.TICKET_SECRET),
        get(provisioning.RECORD), kept,
    )  # fmt: skip


def _map(content):
    try:
        fields = cbor.decode(content)
    except cbor.CborError:
        raise Unfit(reasons.BAD_CBOR)
    if type(fields) is not dict:
        raise Unfit(reasons.BAD_SHAPE)
    return fields


def _check(fields, shapes, others=()):
    if set(fields) != set(shapes) | set(others):
        raise Unfit(reasons.BAD_SHAPE)
    identity.check(fields, shapes)
