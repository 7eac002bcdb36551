"""Every text that a resident or a manager may see exists in every language."""

import re

import pytest

from altgate.consent import notices, states
from altgate.protocol import names
from altgate.provision.check import PARTS
from altgate.texts import LANGUAGES, catalog, check_texts, demo_texts, words

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (catalog(), set(names.REASONS.values())),
        (words()["kind"], set(names.KINDS.values())),
        (words()["method"], set(names.METHODS.values())),
        (words()["consent"], set(states.NAMES.values())),
        (demo_texts(), set(demo_texts())),
        (check_texts()["part"], set(PARTS)),
        (check_texts()["remedy"], set(PARTS)),
        (check_texts()["duty"], set(check_texts()["duty"])),
        (check_texts()["word"], set(check_texts()["word"])),
        (notices.texts()["field"], set(notices.FIELDS)),
        (notices.texts()["example"], set(notices.FIELDS)),
        (notices.texts()["form"], set(notices.texts()["form"])),
        (notices.texts()["step"], set(notices.texts()["step"])),
    ],
)
def test_each_has_both_languages(texts, names):
    assert set(texts) == names
    for name, by_language in texts.items():
        assert set(by_language) == set(LANGUAGES), name
        if by_language["en"]:
            assert HAN.search(by_language["zh-CN"]), name
            assert not HAN.search(by_language["en"]), name


def test_the_page_uses_only_texts_that_exist(root):
    folder = root / "host" / "altgate" / "demo" / "page"
    used = set(re.findall(r'data-text="(\w+)"', (folder / "index.html").read_text()))
    script = (folder / "app.js").read_text()
    used |= set(re.findall(r'name: "(\w+)"', script)) | set(re.findall(r'say\("(\w+)"[,)]', script))
    for prefix in ("card_", "pass_"):
        assert any(name.startswith(prefix) for name in demo_texts())
    assert used <= set(demo_texts())


def test_the_steps_carry_the_same_figures_in_every_language():
    for texts in notices.texts()["step"].values():
        figures = [sorted(re.findall(r"\{(\w+)\}", texts[language])) for language in LANGUAGES]
        assert figures[0] == figures[1] and set(figures[0]) <= set(notices.FIGURES)
    for language in LANGUAGES:
        assert not any("{" in step for step in notices.steps(language))
