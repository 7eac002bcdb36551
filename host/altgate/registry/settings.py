"""The settings of a door: their bounds, what the register wants of them, and what the door has of them.

A setting has no column of its own: it is whatever the door's numbered operations say last.
"""

from dataclasses import dataclass

import cbor2
from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.errors import Refused
from altgate.protocol import limits, messages
from altgate.registry.models import Door, DoorOperation


@dataclass(frozen=True)
class Setting:
    """One setting; the bounds and the factory value are those that the door itself keeps to."""

    number: int
    name: str
    what: str
    lowest: int
    highest: int
    factory: int

    @property
    def is_switch(self) -> bool:
        """Whether it is only on or off."""
        return self.highest == 1

    @property
    def option(self) -> str:
        """The option of ``altgate door set`` that changes it."""
        return "--" + self.name.replace("_", "-")

    def text(self, value: int) -> str:
        """A value for people."""
        if self.is_switch:
            return "on" if value else "off"
        return f"{value} s"

    def sentence(self, value: int) -> str:
        """What this value does, for the audit and for the one who set it."""
        return f"{self.what} {self.text(value)}"

    def check(self, value: int) -> None:
        """Raise Refused for a value that the door would not take."""
        if not self.lowest <= value <= self.highest:
            raise Refused(
                f"{self.option} {value} is outside {self.lowest} to {self.highest}: choose a value between."
            )


LEGACY_UID = Setting(messages.SETTING_LEGACY_UID, "legacy_uid", "clonable legacy UIDs", 0, 1, 0)
RELEASE_S = Setting(
    messages.SETTING_RELEASE_S,
    "release_s",
    "strike released for",
    limits.RELEASE_S_MIN,
    limits.RELEASE_S_MAX,
    limits.RELEASE_S,
)
HELD_OPEN_S = Setting(
    messages.SETTING_HELD_OPEN_S,
    "held_open_s",
    "held open reported after",
    limits.HELD_OPEN_S_MIN,
    limits.HELD_OPEN_S_MAX,
    limits.HELD_OPEN_S,
)
FACE = Setting(messages.SETTING_FACE, "face", "face for residents who ask for it", 0, 1, 0)
LEASE_S = Setting(
    messages.SETTING_LEASE_S,
    "lease_s",
    "face without a word from the host for",
    limits.LEASE_S_MIN,
    limits.LEASE_S_MAX,
    limits.LEASE_S,
)
FACE_UNPROVED = Setting(
    messages.SETTING_FACE_UNPROVED, "face_unproved", "a face module without a liveness verdict", 0, 1, 0
)
SCHEDULE_UNTIMED = Setting(
    messages.SETTING_SCHEDULE_UNTIMED,
    "schedule_untimed",
    "letting schedules go while the door does not know the time",
    0,
    1,
    0,
)
ALL = (LEGACY_UID, RELEASE_S, HELD_OPEN_S, FACE, LEASE_S, FACE_UNPROVED, SCHEDULE_UNTIMED)
Values = dict[Setting, int]


def wanted(session: Session, door: Door) -> Values:
    """The values that the register has for a door."""
    return _after(session, door, door.state_version)


def applied(session: Session, door: Door) -> Values | None:
    """The values that a door has by its own word; None where it has not said, or said what cannot be."""
    version = door.applied_version
    if version is None or (version and version <= door.base_version):
        return None
    return _after(session, door, version)


def _after(session: Session, door: Door, version: int) -> Values:
    """Factory values, changed by the operations in force up to a version."""
    values = {setting.number: setting.factory for setting in ALL}
    rows = select(DoorOperation).where(
        DoorOperation.door == door.id,
        DoorOperation.version > door.base_version,
        DoorOperation.version <= version,
    )
    for row in session.scalars(rows.order_by(DoorOperation.version)):
        operation = cbor2.loads(row.operation)
        if operation[0] == messages.OP_SETTING:
            values[operation[1]] = operation[2]
    return {setting: values[setting.number] for setting in ALL}
