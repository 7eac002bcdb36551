"""The documents: what is made from the code is whole and current, what is written names only what exists."""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer

from altgate.cli import app
from altgate.cli.errors import EXIT_CODES
from altgate.consent import links, states, view
from altgate.protocol import (
    fields,
    limits,
    messages,
    names,
    provisioning,
    reasons,
    service,
    topics,
    update,
)
from altgate.registry import settings
from altgate.texts import LANGUAGES, catalog, words
from altgate.web.shown import page_texts
from conftest import ROOT

REFERENCE = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=NAMES)

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
INDENTED = re.compile(r"(?:^|\n\n)((?: {4}.*\n)+)")
OUR_PATH = re.compile(r"(?:tests|firmware|host|docs|hardware)/[\w./-]+(?:::\w+)?")
# The structs that docs/formats.md spells out, and where the code has them.
STRUCTS = {
    "firmware/altgate/slots.py": "_HEAD",
    "firmware/altgate/store/journal.py": "_HEAD",
    "firmware/altgate/store/table.py": "_FORMAT",
    "firmware/altgate/consent/register.py": "_FORMAT",
    "firmware/altgate/vault/slots.py": "_HEAD",
    "firmware/altgate/vault/templates.py": "_HEAD",
}
BOARD = tomllib.loads((ROOT / "hardware" / "board.toml").read_text(encoding="utf-8"))
FLASH = tomllib.loads((ROOT / "hardware" / "flash.toml").read_text(encoding="utf-8"))
# Where a claim or a ceremony can be refused because of face.
REFUSING = (
    "consent/state.py",
    "consent/ceremony.py",
    "consent/gate.py",
    "entry/face.py",
    "entry/menu.py",
    "drivers/camera.py",
    "drivers/mf1.py",
)
# What such a module says that is no refusal of a step: it is counted for the link.
COUNTED = {"NONE", "BAD_FRAME", "BAD_SHAPE", "TOO_LONG"}
PICTURE_BYTES = 250_000


def section(title: str) -> str:
    """What stands under one heading of the reference, up to the next of its level or above."""
    level = title.split(" ")[0]
    found = re.search(rf"^{re.escape(title)}\n(.*?)(?=^#{{1,{len(level)}}} |\Z)", REFERENCE, re.M | re.S)
    assert found, f"the reference has no {title!r}"
    return found[1]


def rows(title: str) -> list[list[str]]:
    """The cells of every table row in a section, without heads."""
    bodies = re.sub(r"^\|.*\|\n\|(?: --- \|)+$", "", section(title), flags=re.M)
    lines = re.findall(r"^\| (.*) \|$", bodies, re.M)
    return [re.split(r" ?(?<!\\)\| ?", line) for line in lines]


def commands(group: typer.Typer = app, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every function that was registered as a command, under its words; not by the way of the generator."""
    for one in group.registered_commands:
        assert one.callback
        yield (*path, one.name or one.callback.__name__), one.callback
    for below in group.registered_groups:
        assert below.typer_instance and isinstance(below.name, str)
        yield from commands(below.typer_instance, (*path, below.name))


COMMANDS = dict(commands())


def declared(function: Any) -> dict[str, tuple[str, ...]]:
    """Parameter to the names that it was given, for each that a person can set."""
    hints = get_type_hints(function, include_extras=True)
    found = {}
    for name in inspect.signature(function).parameters:
        if hints[name] is not typer.Context:
            (info,) = get_args(hints[name])[1:]
            # Beside an annotation, typer takes the first name for the default.
            given = " ".join(map(str, (info.default, *(info.param_decls or ()))))
            found[name] = tuple(re.findall(r"--[\w-]+", given))
    return found


def test_the_reference_is_what_the_code_makes_of_it() -> None:
    # Also in a narrow window with colours: nothing of the terminal may get into it.
    environment = {**os.environ, "COLUMNS": "20", "FORCE_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, ROOT / "docs/make_reference.py", "--check"], check=False, env=environment
    )
    assert done.returncode == 0, "run `make reference` and commit docs/reference.md"


def test_the_asyncapi_document_is_what_the_protocol_makes_of_it() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs/make_asyncapi.py", "--check"], check=False)
    assert done.returncode == 0, "run `make reference` and commit docs/asyncapi.json"
    document = json.loads((ROOT / "docs" / "asyncapi.json").read_text(encoding="utf-8"))
    addresses = {channel["address"] for channel in document["channels"].values()}
    every = (*topics.UP, *topics.DOWN, *topics.ENROLMENT)
    assert addresses == {topics.topic("{door}", name) for name in every}
    for held in (*document["channels"].values(), *document["operations"].values()):
        text = json.dumps(held)
        for found in re.findall(r'"#/([^"]+)"', text):
            place = document
            for part in found.split("/"):
                place = place[part]


def test_the_keys_of_each_message_are_those_of_the_protocol() -> None:
    numbers = {name: value for name, value in vars(messages).items() if isinstance(value, int)}
    for topic, text in cells("formats.md", "topic | keys"):
        always, maybe = fields.HELD[topic.strip("`")]
        told = {numbers[word] for word in re.findall(r"`(?!VERB_)([A-Z_]+)`", text)}
        assert told == {*always, *maybe}, topic
    assert len(cells("formats.md", "topic | keys")) == len(fields.HELD)


def test_every_command_is_in_the_reference() -> None:
    headings = re.findall(r"^### `altgate ([a-z -]+?)(?: [A-Z_ ]+)?`$", REFERENCE, re.M)
    assert sorted(headings) == sorted(" ".join(path) for path in COMMANDS)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_option_is_in_the_reference(path: tuple[str, ...]) -> None:
    title = re.search(rf"^### `altgate {' '.join(path)}(?: [A-Z_ ]+)?`$", REFERENCE, re.M)
    assert title
    shown, names = rows(title[0]), declared(COMMANDS[path])
    assert len(shown) == len(names)
    for (name, options), row in zip(names.items(), shown, strict=True):
        expected = options or (f"`{name.upper()}`", f"`--{name.replace('_', '-')}`")
        assert any(one.strip("`") in row[0] for one in expected), name
        assert row[-1].endswith("."), name


def test_every_exit_code_is_in_the_reference() -> None:
    assert rows("## Exit codes") == [[str(code), said] for code, (_, said) in EXIT_CODES.items()]


def test_every_setting_is_in_the_reference() -> None:
    numbers = {value for name, value in vars(messages).items() if name.startswith("SETTING_")}
    shown = rows("## Settings of a door")
    assert len(shown) == len(numbers) == len(settings.ALL)
    for one, row in zip(settings.ALL, shown, strict=True):
        assert f"`{one.name}`" in row[0] and f"`{one.option}`" in row[1]
        assert row[2:5] == [str(one.lowest), str(one.highest), str(one.factory)] and row[5]


def test_every_topic_is_in_the_reference() -> None:
    names = {value for name, value in vars(topics).items() if name.startswith(("UP_", "DOWN_"))}
    shown = rows("## MQTT topics")
    assert sorted(row[0] for row in shown) == sorted(f"`{name}`" for name in names)
    for name, direction, carries in shown:
        assert direction == ("door to host" if name.startswith("`up/") else "host to door") and carries


@pytest.mark.parametrize(
    ("title", "names", "texts"),
    [
        ("## Reason codes", names.REASONS, catalog()),
        ("## Event kinds", names.KINDS, words()["kind"]),
        ("## Methods of entry", names.METHODS, words()["method"]),
    ],
)
def test_every_code_is_in_the_reference(
    title: str, names: dict[int, str], texts: dict[str, dict[str, str]]
) -> None:
    shown = {int(row[0]): row[1:] for row in rows(title)}
    assert shown == {
        code: [f"`{name}`", *(texts[name][one] for one in LANGUAGES)] for code, name in names.items()
    }


def test_every_state_of_a_consent_is_in_the_reference() -> None:
    shown = {int(row[0]): row[1:] for row in rows("## States of a consent")}
    numbers = {value for name, value in vars(messages).items() if re.match(r"CONSENT_(?!STATE)", name)}
    assert set(shown) == {value for value in numbers if type(value) is int}
    assert shown == {of: [f"`{name}`", states.DPV_NAMES[of]] for of, name in states.NAMES.items()}


@pytest.mark.parametrize(
    ("title", "module"),
    [
        ("## Numbers in messages", messages),
        ("## Numbers on the serial line", provisioning),
        ("## Numbers of service", service),
        ("## Numbers of images", update),
        ("## Limits", limits),
    ],
)
def test_every_number_is_in_the_reference(title: str, module: Any) -> None:
    numbers = {f"`{name}`": str(value) for name, value in vars(module).items() if type(value) is int}
    shown = rows(title)
    assert {name: value for value, name, _ in shown} == numbers and len(shown) == len(numbers)


def spans(page: Path) -> list[str]:
    return SPAN.findall(FENCE.sub("", page.read_text(encoding="utf-8")))


def code_lines(page: Path) -> list[str]:
    """Lines of the indented and fenced blocks."""
    text = page.read_text(encoding="utf-8")
    blocks = [found.split("\n", 1)[1] for found in FENCE.findall(text)] + INDENTED.findall(text)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def anchors(page: Path) -> set[str]:
    """What GitHub makes of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@EVERY_PAGE
def test_every_link_leads_somewhere(page: Path) -> None:
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert not anchor or anchor in anchors(found), target


@EVERY_PAGE
def test_every_path_that_is_named_exists(page: Path) -> None:
    for span in spans(page):
        if not OUR_PATH.fullmatch(span):
            continue
        path, _, test = span.partition("::")
        assert (ROOT / path).exists(), span
        assert not test or f"def {test}(" in (ROOT / path).read_text(encoding="utf-8"), span


@EVERY_PAGE
def test_every_command_that_is_named_exists(page: Path) -> None:
    groups = {path[:length] for path in COMMANDS for length in range(len(path))}
    for text in [*spans(page), *code_lines(page)]:
        if not text.startswith("altgate ") or "…" in text:
            continue
        path: tuple[str, ...] = ()
        given = shlex.split(text, comments=True)[1:]
        while given and given[0] in ("--data", "--actor"):
            given = given[2:]
        while given and path in groups:
            path, given = (*path, given[0]), given[1:]
        assert path in COMMANDS or path in groups, text
        known = COMMANDS.get(path) and declared(COMMANDS[path])
        options = {name for names in (known or {}).values() for name in names}
        options |= {f"--{name.replace('_', '-')}" for name in known or {}}
        assert {one for one in given if one.startswith("--")} <= options, text


@EVERY_PAGE
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert not re.search(r"(?<![\w.~:/])/(?:home|root|work|tmp)/", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", STRUCTS)
def test_formats_spell_the_structs_of_the_code(path: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    found = re.search(rf'^{STRUCTS[path]} = "(.*)"$', source, re.M)
    assert found and f"`{found[1]}`" in (ROOT / "docs" / "formats.md").read_text(encoding="utf-8")


def text_of(name: str) -> str:
    """A page in one line, so that what is looked for may be wrapped."""
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def cells(name: str, head: str) -> list[list[str]]:
    """The rows of the table on a page whose head begins so."""
    lines = (ROOT / "docs" / name).read_text(encoding="utf-8").splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith(f"| {head}"))
    found = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        found.append([cell.strip() for cell in line.strip("|").split("|")])
    return found


def tables(name: str, head: str) -> list[list[list[str]]]:
    """Every table on a page whose head begins so."""
    lines = (ROOT / "docs" / name).read_text(encoding="utf-8").splitlines()
    found: list[list[list[str]]] = []
    for at, line in enumerate(lines):
        if line.startswith(f"| {head}"):
            found.append([])
        elif line.startswith("|") and not line.startswith("| ---") and found:
            found[-1].append([cell.strip() for cell in lines[at].strip("|").split("|")])
    return found


def firmware(name: str) -> str:
    return (ROOT / "firmware" / "altgate" / name).read_text(encoding="utf-8")


def test_every_sign_of_the_lamp_is_described_in_its_colours() -> None:
    source = firmware("door/signals.py")
    method = r"^    def ([a-z]\w+)\(self(?:, \w+)*\):\n(.*?)(?=^    def |\Z)"
    methods = dict(re.findall(method, source, re.M | re.S))
    described = {row[2].strip("`"): row[0] for row in cells("face.md", "lamp and tone")}
    assert set(described) == set(methods)
    defined = " ".join(re.findall(r"^(_[A-Z, _]+) = \(", source, re.M))
    colours = set(re.findall(r"_([A-Z]+)", defined)) - {"OFF"}
    assert len(colours) > 3
    for name, body in methods.items():
        shown = {one.lower() for one in colours if re.search(rf"_{one}\b", body)}
        said = {one.lower() for one in colours if re.search(rf"\b{one.lower()}\b", described[name])}
        assert said == shown, name


def test_every_reason_that_stands_against_face_is_described() -> None:
    said = set(re.findall(r"`([a-z_]+)`", text_of("face.md").split("## What can stand in the way")[1]))
    used = {name for part in REFUSING for name in re.findall(r"reasons\.([A-Z_]+)", firmware(part))}
    assert {names.REASONS[getattr(reasons, name)] for name in used - COUNTED} <= said
    first = [row[0].strip("`") for row in cells("face.md", "reason | when")]
    order = re.findall(
        r"return reasons\.([A-Z_]+)$|reasons\.(LEASE_ENDED|LOCKED_OUT) if", firmware("consent/state.py"), re.M
    )
    assert first == [name.lower() for name in map("".join, order) if name != "NONE"]


def test_every_state_that_people_see_is_described() -> None:
    listed = [row[0].strip("`") for row in cells("managers.md", "state | it means")]
    assert listed == list(states.NAMES.values())
    shown = [row[0] for row in cells("residents.md", "it says")]
    faces = (view.OFF_HERE, view.OFF, view.ASKED, view.ON, view.SUSPENDED, view.ENDING)
    assert shown == [page_texts()[f"pill_{face}"]["en"] for face in faces]
    moves = " ".join(cell for row in cells("formats.md", "state | may become") for cell in row)
    assert {f"CONSENT_{name.upper()}" for name in states.NAMES.values()} <= set(re.findall(r"\w+", moves))


def test_everything_that_the_console_says_of_the_network_is_explained() -> None:
    client, wifi = (ROOT / "firmware/altgate/link" / f"{name}.py" for name in ("mqtt", "wifi"))
    words = re.findall(r'^[A-Z_]+ = "(.+)"$', client.read_text(encoding="utf-8"), re.MULTILINE)
    says = [f"broker: {one}" for one in words]
    says += [f"wifi: {one}" for one in re.findall(r'"([a-z ]+)"[,)]', wifi.read_text(encoding="utf-8"))]
    page = (ROOT / "docs" / "installers.md").read_text(encoding="utf-8")
    assert len(says) > 12 and not [one for one in says if f"`{one}`" not in page]


def test_figures_that_are_told_in_words_are_still_right() -> None:
    for words_, page, is_right in (
        ("For two seconds the lamp is amber", "residents.md", limits.FACE_NOTICE_MS == 2000),
        ("press the face key, three times", "residents.md", limits.FACE_SHOTS == 3),
        ("made from three pictures", "face.md", limits.FACE_SHOTS == 3),
        ("within a day in any case", "residents.md", limits.LEASE_S_MAX == 86400),
        ("stays open there for some weeks", "residents.md", 14 <= links.SESSION_S / 86400 <= 60),
        ("six digits of the notice", "residents.md", limits.NOTICE_CODE_DIGITS == 6),
        ("shown within 15 seconds after it", "managers.md", limits.SECOND_S == 15),
        ("accepts it, up to 255", "managers.md", limits.USES == 255),
        ("up to 15 schedules of up to 14 periods", "managers.md", limits.SCHEDULES == 15),
        ("up to 15 schedules of up to 14 periods", "managers.md", limits.SCHEDULE_PERIODS == 14),
        ("now and the next seven changes", "managers.md", limits.TIME_ZONE_CHANGES == 1 + 7),
        ("press `*` three times", "residents.md", "_STARS = 3" in firmware("entry/pin.py")),
        ("the third wrong code", "face.md", "_WRONG_CODES = 3" in firmware("consent/ceremony.py")),
    ):
        assert words_ in text_of(page) and is_right, words_


def test_every_step_of_the_tour_that_is_named_is_one() -> None:
    folder = ROOT / "host" / "altgate" / "demo"
    tour = "".join((folder / name).read_text(encoding="utf-8") for name in ("tour.py", "face_tour.py"))
    named = re.findall(r"(?<!\*)\*([A-Z][^*]{20,})\*", text_of("face.md") + text_of("duties.md"))
    assert len(named) > 5
    for step in named:
        assert f'"{step}"' in tour, step


def test_every_part_of_a_test_of_consent_that_is_named_is_one() -> None:
    source = (ROOT / "tests" / "device" / "test_consent.py").read_text(encoding="utf-8")
    parts = {name: given for given, name in re.findall(r"\[\n?(.*?)\].*?def (test_\w+)", source, re.S)}
    for page in ("face.md", "duties.md", "threat-model.md"):
        for test, named in re.findall(r"test_consent.py::(\w+)`((?:(?:,| and) \*?\w+\*?)+)", text_of(page)):
            for part in set(re.findall(r"\w+", named)) - {"and"}:
                assert f'"{part}"' in parts[test], part


def test_each_duty_that_is_shown_names_what_shows_it() -> None:
    for row in cells("duties.md", "id | the duty"):
        assert len(row) == 3 and re.search(r"`tests/|\*[A-Z]|\bas [A-Z]+-\d", row[2]), row[0]


def test_every_pin_and_partition_of_the_board_is_described() -> None:
    wiring = re.findall(r"`(\w+)`", " ".join(row[0] for row in cells("installers.md", "name")))
    assert sorted(wiring) == sorted(BOARD["pins"])
    partitions = list(FLASH["boards"]["mb4"]["partitions"])
    assert [row[0].strip("`") for row in cells("installers.md", "partition")] == partitions


def test_every_picture_is_used_and_small() -> None:
    shown = {found.resolve() for page in PAGES for found in pictures(page)}
    there = set((ROOT / "docs" / "pictures").glob("*"))
    assert shown == there
    for picture in there:
        assert picture.read_bytes()[:4] == b"\x89PNG" and picture.stat().st_size <= PICTURE_BYTES, picture


def pictures(page: Path) -> list[Path]:
    """The pictures that a page shows or leads to."""
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    return [page.parent / target for target in targets if target.endswith(".png")]


def test_the_readme_begins_with_the_two_commands() -> None:
    first = [line.split("#")[0].strip() for line in code_lines(ROOT / "README.md")[:2]]
    assert first == ["make demo", "make test"]


def test_every_figure_of_the_benches_and_every_campaign_is_on_its_page() -> None:
    from bench.run import BENCHES
    from faults.run import chosen_of

    figures = tables("figures.md", "figure | value")
    shown = {row[0].strip("`") for table in figures for row in table}
    assert shown == {name for names, _ in BENCHES for name in names}
    told = cells("campaigns.md", "campaign | tried")
    assert [row[0].strip("`") for row in told] == [one.name for one in chosen_of([])]
    assert not any("**" in cell for row in told for cell in row)
    missed = {row[0] for table in figures for row in table if any("**" in cell for cell in row)}
    # Whoever reads README first knows of each bar that is not reached.
    readme = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    line = next(line for line in readme if line.startswith("- bars not reached"))
    assert missed == set(re.findall(r"`[a-z_.0-9]+`", line))
