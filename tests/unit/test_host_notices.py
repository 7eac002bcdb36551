"""The notice: whole or not published, named by its exact text, and sent to every door."""

import hashlib
import json
import re
import sqlite3
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cbor2
import pytest
from sqlalchemy import select
from test_host_cli import Altgate, altgate

from altgate.consent import form, notices
from altgate.errors import Refused
from altgate.ledger import review
from altgate.link import state
from altgate.protocol import messages as m
from altgate.registry import doors, settings
from altgate.registry import site as sites
from altgate.registry.models import DoorOperation, Event, Notice
from altgate.texts import LANGUAGES

__all__ = ["altgate"]
FILLED = notices.template().replace("[[", "").replace("]]", "")


def written(given: dict[str, dict[str, str]]) -> str:
    """A notice as TOML."""
    lines = []
    for field, texts in given.items():
        lines.append(f"[{field}]")
        lines += [f"{part} = {json.dumps(text, ensure_ascii=False)}" for part, text in texts.items()]
    return "\n".join(lines) + "\n"


def filled(field: str = "", part: str = "", text: str = "") -> str:
    """A good notice, or one with another text in one place."""
    given = tomllib.loads(FILLED)
    if field:
        given[field][part] = text
    return written(given)


def without(field: str, part: str | None = None) -> str:
    """The good notice without a field, or without a part of it."""
    given = tomllib.loads(FILLED)
    if part:
        del given[field][part]
    else:
        del given[field]
    return written(given)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[sites.Site]:
    made = sites.create(tmp_path / "site", "Lake & <Side>", "http://localhost", "Ana", ("altgate-broker",))
    with made.write() as session:
        for name in ("Front", "Back", "Gone"):
            doors.add(made, session, name, 1, None, False)
        doors.remove(made, session, doors.find(session, "Gone"))
    yield made
    made.close()


def publish(site: sites.Site, toml: str = FILLED) -> Notice:
    with site.write() as session:
        return notices.publish(site, session, toml)


def operations(site: sites.Site, name: str) -> list[list[Any]]:
    with site.read() as session:
        rows = select(DoorOperation).where(DoorOperation.door == doors.find(session, name).id)
        return [cbor2.loads(row.operation) for row in session.scalars(rows.order_by(DoorOperation.version))]


PARTS = [(field, language) for field in notices.FIELDS for language in LANGUAGES]
PARTS += [("model", name) for name in notices.MODEL]


@pytest.mark.parametrize("field", ["model", *notices.FIELDS])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    with pytest.raises(Refused, match=f"'{field}'"):
        notices.canonical(without(field))


@pytest.mark.parametrize(("field", "part"), PARTS)
def test_a_text_that_is_missing_empty_or_still_the_example_is_named(field: str, part: str) -> None:
    given = tomllib.loads(FILLED)
    for bad in (without(field, part), *(filled(field, part, text) for text in ("", "  ", "\n"))):
        with pytest.raises(Refused, match=f"'{field}' of the notice, {part}"):
            notices.canonical(bad)
    for example in (f"[[{given[field][part]}]]", f"[[ {given[field][part]}", f"{given[field][part]}]]"):
        with pytest.raises(Refused, match=f"'{field}' of the notice, {part}, is still the example"):
            notices.canonical(filled(field, part, example))


@pytest.mark.parametrize("field", notices.FIELDS)
def test_a_field_that_is_the_same_in_both_languages_is_named(field: str) -> None:
    english = tomllib.loads(FILLED)[field]["en"]
    for copy in (english, f"  {english}\n"):
        with pytest.raises(Refused, match=f"'{field}'.*both languages"):
            notices.canonical(filled(field, "zh-CN", copy))


BAD_FILES = {
    "the template": notices.template(),
    "an unknown field": FILLED + '[discount]\nen = "a"\nzh-CN = "b"\n',
    "an unknown language": FILLED.replace("[purpose]", '[purpose]\nfr = "pour"'),
    "a field that is a text": 'purpose = "to open"\n' + without("purpose"),
    "a text that is a number": FILLED.replace("[purpose]\n", "").replace("en =", "en = 7 #", 1),
    "not TOML": "[purpose\n",
    "too long": FILLED.replace("en = ", 'en = "' + "x" * notices.BYTES_MAX + '"\nfr = ', 1),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_one_sentence_and_publishes_nothing(altgate: Altgate, name: str) -> None:
    file = altgate.data.parent / "notice.toml"
    file.write_text(BAD_FILES[name], encoding="utf-8")
    before = altgate.dump()
    said = altgate("notice", "publish", str(file), code=2)
    assert said.count("\n") == 1 and said.rstrip().endswith(".") and altgate.dump() == before


def test_the_template_has_every_field_in_both_languages_and_no_other() -> None:
    given = tomllib.loads(notices.template())
    assert set(given) == {"model", *notices.FIELDS}
    for name, texts in given.items():
        assert set(texts) == set(notices.MODEL if name == "model" else LANGUAGES)
        assert all(text.startswith("[[") and text.endswith("]]") for text in texts.values())


def test_one_content_has_one_text_however_it_was_written() -> None:
    given = tomllib.loads(FILLED)
    other = {
        name: {part: f" {text}\n" for part, text in reversed(texts.items())} for name, texts in given.items()
    }
    text = notices.canonical(FILLED)
    assert notices.canonical(written(dict(reversed(other.items())))) == text
    content = json.loads(text)
    assert text == json.dumps(content, ensure_ascii=False, sort_keys=True, indent=2) + "\n"
    assert set(content["text"]) == set(notices.FIELDS) and "\\u" not in text
    assert notices.canonical(filled("purpose", "zh-CN", "只为开门")) != text


def test_it_is_sent_to_every_door_that_is_there_and_to_doors_added_later(site: sites.Site) -> None:
    first = publish(site)
    assert first.version == 1 and first.sha256 == hashlib.sha256(first.content.encode()).digest()
    for name in ("Front", "Back"):
        assert operations(site, name) == [[m.OP_NOTICE, 1, first.sha256]]
    second = publish(site, filled("purpose", "en", "To open this door, and for nothing else at all."))
    with site.write() as session:
        gone = session.scalars(select(doors.Door).where(doors.Door.name == "Gone")).one()
        late = doors.add(site, session, "Late", 1, None, False)
        assert gone.state_version == 0 and settings.wanted(session, late)[settings.FACE] == 0
    assert second.version == 2 and operations(site, "Front")[-1] == [m.OP_NOTICE, 2, second.sha256]
    assert operations(site, "Late") == [[m.OP_NOTICE, 2, second.sha256]]


def test_the_same_text_is_refused_also_when_another_came_between(site: sites.Site) -> None:
    publish(site)
    publish(site, filled("purpose", "en", "To open this door, and for nothing else at all."))
    with pytest.raises(Refused, match="version 1"):
        publish(site, "\n" + FILLED)
    assert len(operations(site, "Front")) == 2


def test_notice_and_operations_come_together_or_not_at_all(
    site: sites.Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    def once(*args: Any) -> None:
        if sent:
            raise RuntimeError
        sent.append(args)

    monkeypatch.setattr(doors, "operate", once)
    with pytest.raises(RuntimeError):
        publish(site)
    with site.read() as session:
        assert notices.current(session) is None
        assert session.scalars(select(Event).where(Event.action == notices.ACTION)).first() is None


def test_a_door_that_was_away_gets_only_the_last_notice(site: sites.Site) -> None:
    for at in range(12):
        publish(site, filled("purpose", "en", f"To open this door, for reason {at}."))
    with site.write() as session:
        front = doors.find(session, "Front")
        front.applied_version = 0
        batch = state.next_batch(session, front)
        assert batch and [one[:2] for one in batch[m.OPERATIONS]] == [[m.OP_NOTICE, 12]]
        front.applied_version = 900
        state.rebase(session, front, 900)
        front.applied_version = 0
        batch = state.next_batch(session, front)
        assert batch and [one[:2] for one in batch[m.OPERATIONS]] == [[m.OP_NOTICE, 12]]


FORGERIES = {
    "its text": "UPDATE notices SET content = replace(content, '15 days', '99 days') WHERE version = 1",
    "its version": "UPDATE notices SET version = 7 WHERE version = 1",
    "its publisher": "UPDATE notices SET actor = 'Eve' WHERE version = 1",
    "its date": "UPDATE notices SET published_at = published_at - 1 WHERE version = 1",
    "that it was": "DELETE FROM notices WHERE version = 1",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_the_audit_finds_what_was_altered(site: sites.Site, name: str) -> None:
    publish(site)
    publish(site, filled("purpose", "en", "To open this door, and for nothing else at all."))
    assert review.verify(site)[1] is None
    database = sqlite3.connect(site.data / "altgate.db")
    with database:
        assert database.execute(FORGERIES[name]).rowcount == 1
    database.close()
    fault = review.verify(site)[1]
    assert fault and "notice" in fault and fault.endswith(".")


def test_an_insertion_is_found_too(site: sites.Site) -> None:
    publish(site)
    content = notices.canonical(filled("purpose", "en", "To sell it."))
    with site.write() as session:
        sha256 = hashlib.sha256(content.encode()).digest()
        session.add(Notice(version=2, sha256=sha256, content=content, published_at=1, actor="Ana"))
    assert "1 are on record" in (review.verify(site)[1] or "")


def test_the_form_stands_alone_and_holds_the_whole_text(site: sites.Site) -> None:
    notice = publish(site, filled("purpose", "en", "To open <b>this</b> & no other door"))
    page = form.html("Lake & <Side>", notice)
    assert page.count(notice.sha256.hex()) == len(LANGUAGES) == page.count("<section lang=")
    code = f"{int.from_bytes(notice.sha256[:8], 'big') % 10**6:06d}"
    assert page.count(f'<p class="code">{code}</p>') == len(LANGUAGES)
    assert "<b>" not in page and "To open &lt;b&gt;this&lt;/b&gt; &amp; no other door" in page
    assert "<Side>" not in page and not re.search(r"https?:|src=|href=|url\(|<script", page)
    for language in LANGUAGES:
        texts = [text for _, _, text in notices.sections(notice, language)]
        assert len(texts) == len(notices.FIELDS)
        for text in [*texts, *notices.steps(language)]:
            assert form.escape(text) in page and "{" not in text


def test_from_template_to_paper(altgate: Altgate) -> None:
    folder = altgate.data.parent
    assert "altgate notice template" in altgate("notice", "list") and altgate.json("notice", "list") == []
    altgate("notice", "show", code=2)
    altgate("notice", "print", "--out", str(folder / "none.html"), code=2)
    template = altgate("notice", "template")
    assert template == notices.template() == altgate.json("notice", "template")["template"]
    file = folder / "notice.toml"
    file.write_text(template.replace("[[", "").replace("]]", ""), encoding="utf-8")
    made = altgate.json("notice", "publish", str(file))
    assert altgate.json("notice", "list") == [made] and made["version"] == 1 and made["actor"] == "Ana"
    shown = altgate.json("notice", "show", "--version", "1")
    assert hashlib.sha256(shown["content"].encode()).hexdigest() == made["sha256"] == shown["sha256"]
    text = altgate("notice", "show", "--language", "zh-CN")
    assert made["code"] in text and "个人信息处理者" in text
    out = folder / "notice.html"
    altgate("notice", "print", "--out", str(out))
    page = out.read_text(encoding="utf-8")
    assert made["sha256"] in page and not (folder / "none.html").exists()
    assert "another name" in altgate("notice", "print", "--out", str(out), code=2)
    assert out.read_text(encoding="utf-8") == page
    altgate("notice", "show", "--version", "2", code=2)
    altgate("notice", "publish", str(folder / "no.toml"), code=2)
    (folder / "latin.toml").write_bytes(b"\xff")
    assert "UTF-8" in altgate("notice", "publish", str(folder / "latin.toml"), code=2)
