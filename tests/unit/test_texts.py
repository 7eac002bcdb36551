"""Every text that a resident or a manager may see exists in every language."""

import re

import pytest

from altgate.protocol import messages, reasons
from altgate.texts import LANGUAGES, catalog, demo_texts, words

HAN = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        (catalog(), set(reasons.NAMES.values())),
        (words()["kind"], set(messages.KIND_NAMES.values())),
        (words()["method"], set(messages.METHOD_NAMES.values())),
        (demo_texts(), set(demo_texts())),
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
