"""Numbers of the firmware that are written in where they are used."""

import ast

import pytest

from altgate.provision.inline import inlined
from altgate.rig.board import FIRMWARE

LIMITS = "MOST = 8\nTWICE = MOST * 2\nNAME = 'x'\nPAIR = (MOST, TWICE)\n"


def one(text: str) -> str:
    """A module of this text after it and others were gone through."""
    others = {"p": "", "p.limits": LIMITS, "p.board": "def f():\n    pass\n"}
    return inlined({"own": text, **others})["own"]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("A = 5\nprint(A + 1)\n", "pass\nprint((5) + 1)\n"),
        ("A = -(1 << 4)\nprint(A)\n", "pass\nprint((-16))\n"),
        ("from p import limits\nx = limits.MOST\n", "pass\nx = (8)\n"),
        (
            "from p import limits\nx = [limits.TWICE, limits.PAIR]\n",
            "from p import limits\nx = [(16), limits.PAIR]\n",
        ),
        (
            "from p.limits import MOST, NAME\nprint(MOST, NAME)\n",
            "from p.limits import NAME\nprint((8), NAME)\n",
        ),
        ("from p import (\n    limits,\n)\nprint(limits.MOST)  # é\n", "pass\n\n\nprint((8))  # é\n"),
        ("from .p import limits\nprint(limits.MOST)\n", "pass\nprint((8))\n"),
        ("def f():\n    from p import limits\n    return limits.MOST", "def f():\n    pass\n    return (8)"),
    ],
)  # fmt: skip
def test_a_number_stands_where_its_name_stood(text: str, after: str) -> None:
    assert one(text) == after


@pytest.mark.parametrize(
    "text",
    [
        "A = 5\nA = 6\nprint(A)\n",
        "A = 5\nA += 6\nprint(A)\n",
        "A = 5\nfor A in (1, 2):\n    print(A)\n",
        "A = 5\ndef f():\n    global A\n    A = 6\nprint(A)\n",
        "A = 5\ndef f(A):\n    return A\n",
        "A = True\nB = 'x'\nC = None\nD = len('xyz')\nE = 1.5\n",
        "class Client:\n    wait_ms = 5\n\nprint(Client.wait_ms)\n",
        "from p import board\n",
        "from p import board\nboard.f()\n",
    ],
)
def test_what_is_more_than_a_number_stays(text: str) -> None:
    assert one(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "from p import limits as most\nprint(most.MOST)\n",
        "from p.limits import MOST as most\nprint(most)\n",
        "from p.limits import *\n",
        "import p.limits\nprint(p.limits.MOST)\n",
        "from p import limits\ndef f(limits):\n    return limits.MOST\n",
    ],
)
def test_what_could_have_a_number_unseen_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="name|whole"):
        one(text)


def test_the_firmware_keeps_its_lines_and_names_no_number_of_the_protocol() -> None:
    sources = {
        ".".join(path.relative_to(FIRMWARE).with_suffix("").parts): path.read_text(encoding="utf-8")
        for folder in ("altgate", "protocol")
        for path in (FIRMWARE / folder).rglob("*.py")
    }
    for name, text in inlined(sources).items():
        assert text.count("\n") == sources[name].count("\n"), name
        left = {
            f"{node.value.id}.{node.attr}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        named = {one for one in left if one.split(".")[0] in ("messages", "reasons", "limits")}
        assert named <= {"messages.CONSENT_LIVE", "messages.CONSENT_ENDED"}, (name, named)
