"""The resident's page: every text in every language, used and known, and nothing from anywhere else."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from altgate.consent import view
from altgate.texts import LANGUAGES
from altgate.web import shown

FOLDER = Path(shown.__file__).parent / "page"
HAN = re.compile(r"[\u4e00-\u9fff]")
# Names that the page puts together: what they begin with, and with what it goes on.
COMPOSED = {
    "way_": {"card", "pin", "qr"},
    "how_": {"card", "pin", "qr"},
    "held_": {f"{way}{none}" for way in ("card", "pin", "qr") for none in ("", "_none")},
    "bound_": {f"{what}{some}" for what in ("hours", "second") for some in ("", "_some")},
    "pill_": {view.OFF_HERE, view.OFF, view.ASKED, view.ON, view.SUSPENDED, view.ENDING},
}
TOLD = {"opening", "no_session", "link_spent", "link_spent_open", "session_over", "left", "failed"}


def source(ending: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob(f"*.{ending}")))


def test_each_text_is_there_in_both_languages_with_the_same_values() -> None:
    for name, texts in shown.page_texts().items():
        assert set(texts) == set(LANGUAGES), name
        assert HAN.search(texts["zh-CN"]) and not HAN.search(texts["en"]), name
        values = [sorted(re.findall(r"\{(\w+)\}", texts[language])) for language in LANGUAGES]
        assert values[0] == values[1], name


def test_the_page_uses_texts_that_exist_and_every_one_of_them() -> None:
    script = source("js")
    used = set(re.findall(r'data-text="(\w+)"', source("html")))
    used |= set(re.findall(r'say\("(\w+)"[,)]', script))
    used |= {"on", "off", "unreached", "offline", "no_script"}
    assert all(f'"{name}"' in script for name in TOLD)
    composed = {start + rest for start, ends in COMPOSED.items() for rest in ends}
    assert all(f'"{start}"' in script or f"`{start}$" in script for start in COMPOSED)
    assert used | TOLD | composed == set(shown.page_texts())


def test_the_script_names_fields_that_the_state_has() -> None:
    script = source("js")
    known = {field.name for field in fields(view.DoorView)} | {"can_end"}
    assert set(re.findall(r"\bdoor\.(\w+)", script)) <= known
    assert set(re.findall(r"\bbound\.(\w+)", script)) <= {field.name for field in fields(view.Bound)}
    hours = {field.name for field in fields(view.Hours)} | {"map"}
    assert set(re.findall(r"\bhours\.(\w+)", script)) <= hours
    assert set(re.findall(r"\bentry\.(\w+)", script)) <= {field.name for field in fields(view.Entry)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_without_a_script_the_page_says_what_to_do(language: str) -> None:
    without = re.search(r"<noscript>(.*?)</noscript>", source("html"), re.S)
    assert without and shown.page_texts()["no_script"][language] in without[1]


def test_nothing_is_inline_or_from_elsewhere() -> None:
    page, script, style = source("html"), source("js"), source("css")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", page)
    for text in (page, script, style):
        assert not re.search(r"https?://|//\w+\.\w+/|\bimport\s*\(|innerHTML|eval\(", text)
    assert not HAN.search(re.sub(r"<noscript>.*</noscript>", "", page, flags=re.S).replace("中文", ""))
    assert not HAN.search(script.replace("中文", ""))
