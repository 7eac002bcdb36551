"""What the resident's page shows, as JSON: texts by language, the state of one resident, and a notice."""

import hashlib
import tomllib
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from altgate.consent import notices, view
from altgate.registry.models import Building, Notice, Resident
from altgate.texts import LANGUAGES, catalog, words

ENTRIES = 30
Json = dict[str, Any]


@cache
def page_texts() -> dict[str, dict[str, str]]:
    """The page's own texts: name to language to text."""
    return tomllib.loads((files("altgate.texts") / "resident.toml").read_text(encoding="utf-8"))


@cache
def texts() -> Json:
    """Name to language to text by ``page``, ``reason``, and what words() has; ``steps``: language to list."""
    steps = {language: notices.steps(language) for language in LANGUAGES}
    return {"page": page_texts(), "reason": catalog(), "steps": steps, **words()}


def state(session: Session, resident: Resident) -> Json:
    """Who it is, what they have at each door, the notice in force, and their newest entries."""
    current = notices.current(session)
    return {
        "building": session.scalars(select(Building)).one().name,
        "name": resident.name,
        "unit": resident.unit,
        "personal_number": str(resident.personal_number),
        "notice": _named(current) if current else None,
        "doors": [{**asdict(door), "can_end": door.can_end} for door in view.doors(session, resident)],
        "entries": [asdict(entry) for entry in view.entries(session, resident, ENTRIES)],
        "entries_most": ENTRIES,
    }


def etag(body: bytes) -> str:
    """The name of exactly this content, quoted as HTTP has it (RFC 9110, 8.8.3)."""
    return f'"{hashlib.sha256(body).hexdigest()}"'


def _named(found: Notice) -> Json:
    return {
        "version": found.version,
        "code": notices.code(found),
        "sha256": found.sha256.hex(),
        "published_at": found.published_at,
    }


def notice(found: Notice) -> Json:
    """What a notice can be known by, the face model it names, and its sections by language."""
    sections = {name: [part[1:] for part in notices.sections(found, name)] for name in LANGUAGES}
    return {**_named(found), "model": notices.model(found), "sections": sections}
