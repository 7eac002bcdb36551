"""The notice: what residents are told before they choose (PIPL articles 17 and 30), whole or not at all.

Its canonical text is JSON with sorted keys in UTF-8, and that text's SHA-256 is its name everywhere.
"""

import hashlib
import json
import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.errors import Refused
from altgate.ledger import chain
from altgate.protocol import limits, messages, statements
from altgate.registry import doors
from altgate.registry.models import Notice
from altgate.registry.site import Site
from altgate.texts import LANGUAGES

FORMAT = "altgate/notice/1"
FIELDS = (
    "handler",
    "contact",
    "purpose",
    "method",
    "data",
    "necessity",
    "effect",
    "retention",
    "recipients",
    "rights",
    "exercise",
    "withdrawal",
    "alternatives",
)
MODEL = ("id", "version")
EXAMPLE = ("[[", "]]")  # around every example of the template: to be edited
BYTES_MAX = 65536
FIGURES = {
    "menu_s": limits.MENU_S,
    "presence_s": limits.PRESENCE_S,
    "pin_min": limits.PIN_DIGITS_MIN,
    "pin_max": limits.PIN_DIGITS_MAX,
    "shots": limits.FACE_SHOTS,
}
ACTION = "notice published"
Texts = dict[str, dict[str, str]]


@cache
def texts() -> dict[str, Texts]:
    """``field``, ``example``, ``form`` and ``step``: name to language to text."""
    return tomllib.loads((files("altgate.texts") / "notice.toml").read_text(encoding="utf-8"))


def template() -> str:
    """A TOML file to fill in; as it stands it cannot be published."""
    opening, closing = EXAMPLE
    lines = [
        "# The notice on face that residents are given before they choose. Read every text, make it true for",
        f"# your building in both languages, and take its {opening} and {closing} away. Then:",
        "# altgate notice publish FILE",
        "",
        "[model]  # of the face module in the doors, as its maker names it",
        *(f"{name} = {_quoted(f'{name} of the face model')}" for name in MODEL),
    ]
    for name in FIELDS:
        title, example = texts()["field"][name], texts()["example"][name]
        lines += ["", f"[{name}]  # {' / '.join(title[language] for language in LANGUAGES)}"]
        lines += [f"{language} = {_quoted(example[language])}" for language in LANGUAGES]
    return "\n".join(lines) + "\n"


def _quoted(example: str) -> str:
    """An example as a TOML string, which has JSON's escapes, between its marks."""
    return json.dumps(example.join(EXAMPLE), ensure_ascii=False)


def canonical(toml: str) -> str:
    """The exact text that is published for a filled-in template.

    Raises Refused, naming the field, for one that is missing, empty, unknown, still an example, or the same
    in both languages.
    """
    if len(toml.encode()) > BYTES_MAX:
        raise Refused(f"The notice is longer than {BYTES_MAX} bytes: shorten it.")
    try:
        given = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise Refused(f"The notice is not TOML ({' '.join(str(error).split())}): correct it there.") from None
    for name in given:
        if name not in ("model", *FIELDS):
            raise Refused(f"The notice has a field {name!r} that no notice has: take it out.")
    content = {
        "format": FORMAT,
        "model": _texts(given, "model", MODEL),
        "text": {name: _field(given, name) for name in FIELDS},
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=2) + "\n"


def _field(given: dict[str, Any], name: str) -> dict[str, str]:
    field = _texts(given, name, LANGUAGES)
    if len(set(field.values())) < len(LANGUAGES):
        raise Refused(f"{name!r} of the notice is the same in both languages: translate it.")
    return field


def _texts(given: dict[str, Any], name: str, parts: tuple[str, ...]) -> dict[str, str]:
    """A table of the notice that has exactly these parts, each a text."""
    table = given.get(name)
    if not isinstance(table, dict):
        raise Refused(f"The notice lacks {name!r}: write [{name}] with {' and '.join(parts)}.")
    for part in table:
        if part not in parts:
            raise Refused(f"{name!r} of the notice has a part {part!r} that no notice has: take it out.")
    return {part: _text(table.get(part), f"{name!r} of the notice, {part},") for part in parts}


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Refused(f"{what} is missing or empty: write it.")
    if any(mark in value for mark in EXAMPLE):
        raise Refused(f"{what} is still the example: write what is true for your building, without [[ ]].")
    return value.strip()


def publish(site: Site, session: Session, toml: str) -> Notice:
    """Publish a filled-in template and send it to all doors; consents to an earlier one are suspended.

    Raises Refused as ``canonical`` does, and for a text that was published before.
    """
    content = canonical(toml)
    sha256 = hashlib.sha256(content.encode()).digest()
    known = by_hash(session, sha256)
    if known:
        raise Refused(f"This very text is version {known.version} of the notice: change it, or leave it.")
    last = current(session)
    notice = Notice(version=last.version + 1 if last else 1, sha256=sha256, content=content, actor=site.actor)
    record = chain.record_action(session, site.vault, site.actor, ACTION, subject(notice))
    notice.published_at = record.received_at
    session.add(notice)
    session.flush()
    for door in doors.present(session):
        doors.operate(site, session, door, [messages.OP_NOTICE, notice.version, sha256])
    return notice


def subject(notice: Notice) -> str:
    """What the record of its publication names."""
    return f"{notice.version} {notice.sha256.hex()}"


def published(session: Session) -> list[Notice]:
    """All notices, the first one first."""
    return list(session.scalars(select(Notice).order_by(Notice.version)))


def current(session: Session) -> Notice | None:
    """The notice in force: the last one published, None before the first."""
    return session.scalars(select(Notice).order_by(Notice.version.desc())).first()


def by_hash(session: Session, sha256: bytes) -> Notice | None:
    """The notice of this SHA-256, which a consent names."""
    return session.scalars(select(Notice).where(Notice.sha256 == sha256)).first()


def find(session: Session, version: int | None = None) -> Notice:
    """A notice by version, the one in force for None; raises Refused where there is none."""
    notice = current(session)
    if version is not None:
        notice = session.scalars(select(Notice).where(Notice.version == version)).first()
    if notice is None and version is not None:
        raise Refused(f"There is no version {version} of the notice: see altgate notice list.")
    if notice is None:
        raise Refused("No notice was published yet: begin with altgate notice template.")
    return notice


def code(notice: Notice) -> str:
    """The six digits that a resident types at the door."""
    return statements.notice_code(notice.sha256)


def model(notice: Notice) -> dict[str, str]:
    """``id`` and ``version`` of the face model that a notice names."""
    return {name: str(value) for name, value in json.loads(notice.content)["model"].items()}


def sections(notice: Notice, language: str) -> list[tuple[str, str, str]]:
    """``(field, title, text)`` of a notice in one language, in the order in which people read it."""
    body = json.loads(notice.content)["text"]
    return [(name, texts()["field"][name][language], body[name][language]) for name in FIELDS]


def steps(language: str) -> list[str]:
    """How to say yes at a door, step by step."""
    return [text[language].format_map(FIGURES) for text in texts()["step"].values()]
