"""``altgate label``: the same label from the register, from a board that waits, and from a door in use."""

import json
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import segno

from altgate.demo.building import FRONT, Building
from altgate.reports import label as labels
from altgate.reports.label import Label
from support import installing
from support.commands import commands

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def building(tmp_path: Path) -> Iterator[Building]:
    with installing.bare(tmp_path) as made:
        yield made


def drawn(path: Path) -> tuple[list[str], str]:
    """The lines on a label, and the path that its code is drawn by."""
    root = ElementTree.fromstring(path.read_text(encoding="utf-8"))
    traced = [one.get("d") or "" for one in root.iter(f"{SVG}path")]
    assert len(traced) == 1
    return [one.text or "" for one in root.iter(f"{SVG}text")], traced[0]


def test_one_label_from_three_sides(building: Building, tmp_path: Path) -> None:
    port, run = building.board.console_path, commands(building.site.data)
    waits, told, works = (tmp_path / f"{name}.svg" for name in ("waits", "told", "works"))
    assert "no board" in str(run("label", "--door", FRONT, "--file", str(told), code=2).exception)
    ticket, service = tmp_path / "front.ticket", tmp_path / "front.service"
    broker = f"127.0.0.1:{building.broker.port}"
    run("ticket", "issue", "--door", FRONT, "--broker", broker, "--file", str(ticket))
    starts = building.board.starts
    run("provision", port, "--ticket", str(ticket))
    building.board.wait_start(starts + 1)
    building.board.wait_console("asking to be admitted")
    run("label", "--ticket", str(ticket), "--port", port, "--file", str(waits))
    run("label", "--door", FRONT, "--file", str(told))
    run("door", "admit", FRONT)
    building.board.wait_start(starts + 2)
    building.board.wait_console("build, door ")
    run("door", "service", FRONT, "--file", str(service))
    shown = json.loads(
        run("label", "--ticket", str(service), "--port", port, "--file", str(works), "--json").stdout
    )
    assert drawn(waits) == drawn(told) == drawn(works)
    lines, traced = drawn(works)
    row = json.loads(run("door", "show", FRONT, "--json").stdout)
    assert lines[:2] == ["Lakeside", FRONT] and lines[3] == f"key {row['fingerprint']}"
    assert shown["fingerprint"] == row["fingerprint"]
    digits = row["fingerprint"].replace("-", "").upper()
    said = f"ALTGATE:L:1:{row['door_id'].upper()}:{digits}:A17E9A7E0001"
    expected = segno.make(said, micro=False, error="m").svg_inline(omitsize=True, border=2)
    assert traced in expected
    for text in (ticket, service):
        secret = text.read_text()[20:60]
        assert secret not in works.read_text() and secret not in waits.read_text()
    assert "new" in str(run("label", "--door", FRONT, "--file", str(works), code=2).exception)
    assert "--port" in str(run("label", "--ticket", str(ticket), "--file", "a.svg", code=2).exception)


def test_a_long_name_stays_whole_and_on_the_label(tmp_path: Path) -> None:
    name = "前门" * 20 + " <1> & 2"
    label = Label("Lakeside", name, "0a1b2c3d", "0000-1111-2222-3333", "a17e9a7e0001", "0.1.0")
    path = tmp_path / "label.svg"
    path.write_text(labels.svg(label), encoding="utf-8")
    assert drawn(path)[0][1] == label.door_name
    assert "textLength" in path.read_text(encoding="utf-8")
    assert "textLength" not in labels.svg(replace(label, door_name="Front door"))
