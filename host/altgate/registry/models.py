"""The database's tables. Times are Unix seconds, UTC; ``actor`` is the manager who made the change.

Nothing here is a secret in the clear: keys are sealed, PINs and card numbers are keyed hashes.
"""

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Base(DeclarativeBase):
    """Base of all tables."""

    type_annotation_map = {bytes: LargeBinary}


class Building(Base):
    """The one building of this database, and the seal over the head of its event chain.

    ``time_zone``, an IANA name, is the one that schedules are judged in.
    """

    __tablename__ = "building"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    origin: Mapped[str]
    broker_name: Mapped[str]
    time_zone: Mapped[str] = mapped_column(server_default="UTC")
    chain_length: Mapped[int]
    chain_seal: Mapped[bytes]
    created_at: Mapped[int]


class Manager(Base):
    """Someone who may change the register."""

    __tablename__ = "managers"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    created_at: Mapped[int]
    actor: Mapped[str]


class Zone(Base):
    """Doors that share a card key; the key is sealed."""

    __tablename__ = "zones"
    number: Mapped[int] = mapped_column(primary_key=True)
    sealed_key: Mapped[bytes]
    created_at: Mapped[int]
    actor: Mapped[str]


class Door(Base):
    """A door. ``state_version`` is what it should have applied, ``applied_version`` what it said; those up
    to ``base_version`` are history, and a door that stands there gets a snapshot.

    ``journal`` counts the door's journals: a replaced board starts a new one, at sequence 1, under a key that
    ``sealed_journal_key`` keeps here and nowhere else.
    """

    __tablename__ = "doors"
    id: Mapped[int] = mapped_column(primary_key=True)
    door_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    zone: Mapped[int] = mapped_column(ForeignKey("zones.number"))
    sealed_key: Mapped[bytes]
    state_version: Mapped[int] = mapped_column(default=0)
    base_version: Mapped[int] = mapped_column(default=0)
    applied_version: Mapped[int | None]
    journal: Mapped[int] = mapped_column(default=1)
    sealed_journal_key: Mapped[bytes | None]
    acked_sequence: Mapped[int] = mapped_column(default=0)
    boot: Mapped[int | None]
    epoch: Mapped[bytes | None]
    firmware: Mapped[str | None]
    build: Mapped[str | None]
    last_hello_at: Mapped[int | None]
    dropped: Mapped[bytes | None]  # CBOR map of reason code and count since its start, as the last hello said
    is_online: Mapped[bool] = mapped_column(default=False)
    provisioned_at: Mapped[int | None]
    removed_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]
    generation: Mapped[int] = mapped_column(default=0)  # of certificate and link keys, as last heard
    certificate_until: Mapped[int | None]
    sealed_renewal: Mapped[bytes | None]  # what is offered until the door was heard under it
    # CBOR array of pairs, oldest board first: from which generation on, and the board's own key, sealed. What
    # is under an older generation than the first is under the door's key.
    board_keys: Mapped[bytes | None]
    public_key: Mapped[bytes | None]  # of its board's certificates, DER SubjectPublicKeyInfo


class Ticket(Base):
    """Leave to make one bare board one door, once. ``record`` is what a board said that has taken it and
    waits for a manager, ``admission`` what makes it the door.

    What the ticket holds stays sealed until it has ended, and is gone then.
    """

    __tablename__ = "tickets"
    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[bytes] = mapped_column(unique=True)
    door: Mapped[int] = mapped_column(ForeignKey("doors.id"))
    given_hash: Mapped[bytes]
    serial: Mapped[str]  # hexadecimal, of the certificate in it
    expires_at: Mapped[int]
    sealed_text: Mapped[bytes | None]
    sealed_server_key: Mapped[bytes | None]
    record: Mapped[bytes | None]
    sealed_board_key: Mapped[bytes | None]
    asked_at: Mapped[int | None]
    admission: Mapped[bytes | None]
    ended_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]


class RevokedCertificate(Base):
    """A certificate that is on the revocation list though its door is on the register; hexadecimal serial."""

    __tablename__ = "revoked_certificates"
    serial: Mapped[str] = mapped_column(primary_key=True)
    revoked_at: Mapped[int]


class DoorStart(Base):
    """One start of a door, by the hello that told of it: an epoch that was seen is no news."""

    __tablename__ = "door_starts"
    __table_args__ = (UniqueConstraint("door", "epoch"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    door: Mapped[int] = mapped_column(ForeignKey("doors.id"))
    boot: Mapped[int]
    epoch: Mapped[bytes]
    created_at: Mapped[int]


class DoorOperation(Base):
    """One numbered change of one door's state, as the CBOR that is sent."""

    __tablename__ = "door_operations"
    __table_args__ = (UniqueConstraint("door", "version"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    door: Mapped[int] = mapped_column(ForeignKey("doors.id"))
    version: Mapped[int]
    operation: Mapped[bytes]
    created_at: Mapped[int]
    actor: Mapped[str]


class Household(Base):
    """Who lives in one unit, from the first resident there to the last; doors know only the number (u32)."""

    __tablename__ = "households"
    __table_args__ = (
        Index("ix_households_unit", "unit", unique=True, sqlite_where=text("removed_at IS NULL")),
    )
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unit: Mapped[str]
    removed_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]


class Resident(Base):
    """A person; doors and events know only the pseudonym (u32).

    ``personal_number``, six digits, is what they type to say who they are. It opens nothing.
    """

    __tablename__ = "residents"
    pseudonym: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str]
    unit: Mapped[str]
    personal_number: Mapped[int] = mapped_column(unique=True)
    removed_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]


class Schedule(Base):
    """Hours with a name, the same at all doors; these know only the number.

    ``periods`` are as the manager wrote them, one a line.
    """

    __tablename__ = "schedules"
    __table_args__ = (
        Index("ix_schedules_name", "name", unique=True, sqlite_where=text("removed_at IS NULL")),
        Index("ix_schedules_number", "number", unique=True, sqlite_where=text("removed_at IS NULL")),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[int]
    name: Mapped[str]
    periods: Mapped[str]
    removed_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]


class Credential(Base):
    """A card, UID or PIN. ``fingerprint`` is a keyed hash of its value, kept to notice it again.

    ``rule`` is one of the RULE_ codes; ``uses`` 0 means any number, ``schedule`` None any hour.
    """

    __tablename__ = "credentials"
    id: Mapped[int] = mapped_column(primary_key=True)
    resident: Mapped[int] = mapped_column(ForeignKey("residents.pseudonym"))
    type: Mapped[int]
    fingerprint: Mapped[bytes] = mapped_column(index=True)
    not_before: Mapped[int]
    not_after: Mapped[int]
    rule: Mapped[int] = mapped_column(server_default="0")
    uses: Mapped[int] = mapped_column(server_default="0")
    schedule: Mapped[int | None] = mapped_column(ForeignKey("schedules.id"))
    revoked_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]
    doors: Mapped[list["CredentialDoor"]] = relationship(order_by="CredentialDoor.door")


class CredentialDoor(Base):
    """A door that a credential opens; ``tag`` is the credential under that door's index key."""

    __tablename__ = "credential_doors"
    credential: Mapped[int] = mapped_column(ForeignKey("credentials.id"), primary_key=True)
    door: Mapped[int] = mapped_column(ForeignKey("doors.id"), primary_key=True)
    tag: Mapped[bytes]
    created_at: Mapped[int]
    actor: Mapped[str]


class Pass(Base):
    """A QR pass. Its text is not kept: whoever has it may enter. ``uses`` 0 means any number."""

    __tablename__ = "passes"
    id: Mapped[int] = mapped_column(primary_key=True)
    pass_id: Mapped[bytes] = mapped_column(unique=True)
    resident: Mapped[int | None] = mapped_column(ForeignKey("residents.pseudonym"))
    note: Mapped[str]
    not_before: Mapped[int]
    not_after: Mapped[int]
    uses: Mapped[int]
    revoked_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]
    doors: Mapped[list["PassDoor"]] = relationship(order_by="PassDoor.door")


class PassDoor(Base):
    """A door that a pass opens."""

    __tablename__ = "pass_doors"
    pass_: Mapped[int] = mapped_column("pass", ForeignKey("passes.id"), primary_key=True)
    door: Mapped[int] = mapped_column(ForeignKey("doors.id"), primary_key=True)


class Notice(Base):
    """What residents are told before they choose. ``content`` is the exact text whose SHA-256 names it."""

    __tablename__ = "notices"
    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(unique=True)
    sha256: Mapped[bytes] = mapped_column(unique=True)
    content: Mapped[str]
    published_at: Mapped[int]
    actor: Mapped[str]


class Consent(Base):
    """One resident's yes at one door, in their own statement, and what became of it.

    ``consent`` is the statement's SHA-256; boot, time, time_quality and nonce are part of it. The times that
    end in ``_at`` are the host's: ``erased_at`` is when the door said that it had erased, ``lost_at`` when
    the board went off the register without having said so. ``ended_by`` is ``resident``,
    ``manager:<name>`` or ``door``.
    """

    __tablename__ = "consents"
    id: Mapped[int] = mapped_column(primary_key=True)
    consent: Mapped[bytes] = mapped_column(unique=True)
    door: Mapped[int] = mapped_column(ForeignKey("doors.id"))
    resident: Mapped[int] = mapped_column(ForeignKey("residents.pseudonym"), index=True)
    credential: Mapped[int]
    notice: Mapped[bytes]
    state: Mapped[int]
    boot: Mapped[int]
    time: Mapped[int]
    time_quality: Mapped[int]
    nonce: Mapped[bytes]
    given_at: Mapped[int]
    enrolled_at: Mapped[int | None]
    ended_at: Mapped[int | None]
    erased_at: Mapped[int | None]
    lost_at: Mapped[int | None]
    ended_by: Mapped[str | None]


class ResidentLink(Base):
    """A link that opens a resident's own page, once. Its token is not kept, only the token's SHA-256."""

    __tablename__ = "resident_links"
    id: Mapped[int] = mapped_column(primary_key=True)
    resident: Mapped[int] = mapped_column(ForeignKey("residents.pseudonym"), index=True)
    token_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[int]
    used_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]


class PageSession(Base):
    """A browser in which a resident's page is open. Its cookie is not kept, only the cookie's SHA-256."""

    __tablename__ = "page_sessions"
    id: Mapped[int] = mapped_column(primary_key=True)
    resident: Mapped[int] = mapped_column(ForeignKey("residents.pseudonym"), index=True)
    cookie_hash: Mapped[bytes] = mapped_column(unique=True)
    expires_at: Mapped[int]
    created_at: Mapped[int]


class Event(Base):
    """A link of the chain: what a door said, with its sealed message, or what a manager or resident did.

    A door's record without a sequence number is a message about a consent, not an event of its journal.
    """

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("door_id", "journal", "sequence"),)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    received_at: Mapped[int]
    door_id: Mapped[str | None]
    journal: Mapped[int | None]
    sequence: Mapped[int | None]
    boot: Mapped[int | None]
    kind: Mapped[int | None]
    reason: Mapped[int | None]
    method: Mapped[int | None]
    credential: Mapped[int | None]
    resident: Mapped[int | None] = mapped_column(index=True)
    detail: Mapped[int | None] = mapped_column(BigInteger)
    time: Mapped[int | None]
    time_quality: Mapped[int | None]
    message: Mapped[bytes | None]
    actor: Mapped[str | None]
    action: Mapped[str | None]
    subject: Mapped[str | None]
    hash: Mapped[bytes]


class Command(Base):
    """A request to a door, put here by the CLI, sent by ``serve``, and its result, a reason code.

    ``is_sent``: the step that acts has left, and it is never sent again.
    """

    __tablename__ = "commands"
    id: Mapped[int] = mapped_column(primary_key=True)
    door: Mapped[int] = mapped_column(ForeignKey("doors.id"))
    verb: Mapped[int]
    is_sent: Mapped[bool] = mapped_column(default=False)
    result: Mapped[int | None]
    expires_at: Mapped[int]
    finished_at: Mapped[int | None]
    created_at: Mapped[int]
    actor: Mapped[str]
