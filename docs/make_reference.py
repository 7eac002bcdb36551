"""Write docs/reference.md from the code's own tables; with --check only say whether it is current."""

import inspect
import re
import sys
import textwrap
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import typer

from altgate.cli import app
from altgate.cli.errors import EXIT_CODES
from altgate.consent import states
from altgate.protocol import limits, messages, names, provisioning, service, topics, update
from altgate.registry import settings
from altgate.texts import LANGUAGES, catalog, words

HERE = Path(__file__).resolve().parent
TARGET = HERE / "reference.md"
FLASH = HERE.parent / "hardware" / "flash.toml"

# Options that typer gives to every program; which of them there are depends on the machine.
NOT_OURS = {"--help", "--install-completion", "--show-completion"}
VALUES = {int: "number", str: "text", Path: "path"}
SETTING_TITLES = ("setting", "option", "from", "to", "factory", "unit")
LANGUAGE_NAMES = {"en": "English", "zh-CN": "Chinese"}

INTRODUCTION = """\
Made from the code by `make reference`; a test holds the two together. A number that is listed here keeps its
meaning for good, which does not say that a door of today uses it."""
# What a topic carries, where the comment behind it does not say so.
CARRIES = {
    topics.UP_HELLO: "first on each connection: boot, epoch, versions, and a fresh nonce",
    topics.UP_EVENT: "one record of the door's journal",
    topics.UP_REPLY: "the result of a command or of a change of state; a challenge",
    topics.UP_STATUS: "plain text, retained, also the last will of the door: ",
    topics.DOWN_WELCOME: "the host's time, bound to the nonce of the hello",
    topics.DOWN_ACK: "up to which event the host keeps everything",
    topics.DOWN_STATE: "operations on what the door knows, such as credentials and settings",
    topics.DOWN_COMMAND: "a request: a challenge, an unlock, a self-test",
}
CONSTANT = re.compile(r"([A-Z][A-Z_0-9]*) = [^#]*(?:# (.*))?")


def render() -> str:
    """The whole page."""
    parts = [
        f"# Reference\n\n{INTRODUCTION}",
        *_commands(),
        "## Exit codes\n\n" + _table(("code", "meaning"), ((n, said) for n, (_, said) in EXIT_CODES.items())),
        "## Settings of a door\n\n" + _table(SETTING_TITLES, _settings()),
        f"## MQTT topics\n\nEach stands under `{topics.topic('<door id>', '')}`. How the content is sealed: "
        "[formats](formats.md#messages).",
        _table(("topic", "direction", "carries"), _topics()),
        "## Reason codes\n\n" + _worded(names.REASONS, catalog()),
        "## Event kinds\n\n" + _worded(names.KINDS, words()["kind"]),
        "## Methods of entry\n\n" + _worded(names.METHODS, words()["method"]),
        "## States of a consent\n\n" + _table(("number", "name", "W3C DPV"), _states()),
        "## Numbers in messages",
        *_numbers(messages),
        "## Numbers on the serial line",
        *_numbers(provisioning),
        "## Numbers of service",
        *_numbers(service),
        "## Numbers of images",
        *_numbers(update),
        "## Limits",
        *_numbers(limits),
        "## Flash maps",
        *_flash_maps(),
    ]
    return "\n\n".join(parts) + "\n"


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, under the words that call it."""
    for name, below in command.commands.items():
        if hasattr(below, "commands"):
            yield from leaves(below, (*path, name))
        else:
            yield (*path, name), below


def _commands() -> Iterator[str]:
    program = typer.main.get_command(app)
    yield f"## Commands\n\n{program.help}"
    yield f"### Before any command\n\n{_options(program)}"
    for path, command in leaves(program):
        arguments = "".join(f" {one.name.upper()}" for one in command.params if not _is_option(one))
        said = " ".join(command.help.split("\n\n")[0].split())
        yield f"### `altgate {' '.join(path)}{arguments}`\n\n{said}\n\n{_options(command)}".rstrip()


def _options(command: Any) -> str:
    hints = get_type_hints(command.callback)
    shown = [one for one in command.params if not NOT_OURS & set(one.opts)]
    return _table(("parameter", "value", "", "what"), (_option(one, hints[one.name]) for one in shown))


def _option(one: Any, hint: Any) -> tuple[str, ...]:
    if not _is_option(one):
        return f"`{one.name.upper()}`", _value(one, hint), "needed" if one.required else "", one.help
    spelled = " / ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    given = "needed" if one.required else ""
    if one.default not in (None, False, "") and not one.required:
        given = f"else {one.default}"
    if one.envvar:
        given = f"or `{one.envvar}`"
    return spelled, _value(one, hint), given, one.help


def _is_option(one: Any) -> bool:
    return bool(one.opts[0].startswith("-"))


def _value(one: Any, hint: Any) -> str:
    """What an option takes: nothing for a switch, the bounds where it has some."""
    if getattr(one, "is_flag", False):
        return ""
    low, high = getattr(one, "min", None), getattr(one, "max", None)
    if low is not None:
        return f"{low} to {high}" if high is not None else f"{low} or more"
    taken = VALUES[next(kind for kind in _parts(hint) if kind in VALUES)]
    return f"{taken}, repeatable" if getattr(one, "multiple", False) else taken


def _parts(hint: Any) -> Iterator[Any]:
    """A type and all that it is made of, such as str of ``list[str] | None``."""
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _settings() -> Iterator[tuple[object, ...]]:
    switches = {name: one for one in _door_set().params for name in one.opts}
    for one in settings.ALL:
        option = " / ".join(f"`{name}`" for name in (one.option, *switches[one.option].secondary_opts))
        unit = one.text(one.factory).removeprefix(str(one.factory)).strip()
        if one.text(one.factory) == unit:
            unit = f"{one.lowest} is {one.text(one.lowest)}, {one.highest} is {one.text(one.highest)}"
        yield f"`{one.name}`: {one.what}", option, one.lowest, one.highest, one.factory, unit


def _door_set() -> Any:
    return dict(leaves(typer.main.get_command(app)))["door", "set"]


def _topics() -> Iterator[tuple[str, ...]]:
    notes = {getattr(topics, name): note for _, rows in _blocks(topics) for name, note in rows}
    up, down = (*topics.UP, topics.UP_ENROL), (*topics.DOWN, topics.DOWN_ADMISSION)
    for group, direction in ((up, "door to host"), (down, "host to door")):
        for name in group:
            carries = CARRIES.get(name) or notes[name]
            if not carries:
                raise SystemExit(f"Say in a comment in firmware/protocol/topics.py what {name} carries.")
            if name == topics.UP_STATUS:
                carries += f"`{topics.STATUS_ONLINE.decode()}` or `{topics.STATUS_OFFLINE.decode()}`"
            yield f"`{name}`", direction, carries


def _states() -> Iterator[tuple[object, ...]]:
    for number, name in sorted(states.NAMES.items()):
        yield number, f"`{name}`", states.DPV_NAMES[number]


def _worded(names: dict[int, str], texts: dict[str, dict[str, str]]) -> str:
    """Numbers with their names and the texts in every language."""
    titles = ("number", "name", *(LANGUAGE_NAMES[one] for one in LANGUAGES))
    rows = ((n, f"`{name}`", *(texts[name][one] for one in LANGUAGES)) for n, name in sorted(names.items()))
    return _table(titles, rows)


def _numbers(module: ModuleType) -> Iterator[str]:
    """A table for each block of numbers in a module, below what the block says of itself."""
    for title, rows in _blocks(module):
        numbers = [(getattr(module, name), f"`{name}`", note) for name, note in rows]
        shown = _table(("value", "name", ""), (row for row in numbers if type(row[0]) is int))
        if shown:
            yield f"{textwrap.fill(title, 110)}\n\n{shown}" if title else shown


def _blocks(module: ModuleType) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The constants between two empty lines of a module's source, each with what its comment says.

    A comment above the first of them is about all, unless others of them have one of their own.
    """
    for block in inspect.getsource(module).split("\n\n"):
        comment, above, rows = "", [], []
        for line in block.splitlines():
            if line.startswith("# "):
                comment = f"{comment} {line[2:]}".strip()
            elif found := CONSTANT.fullmatch(line):
                above.append(comment)
                rows.append((found[1], found[2] or ""))
                comment = ""
        if any(above[1:]):
            yield "", [(name, note or over) for (name, note), over in zip(rows, above, strict=True)]
        elif rows:
            yield above[0], rows


def _flash_maps() -> Iterator[str]:
    """A table for each size of flash, below how many credentials it holds at which load."""
    flash = tomllib.loads(FLASH.read_text(encoding="utf-8"))
    table = flash["table"]
    per_bucket = (table["sector_bytes"] - table["head_bytes"]) // table["slot_bytes"]
    for name, board in flash["boards"].items():
        sectors = board["partitions"]["credentials"][3] // table["sector_bytes"]
        slots = (sectors - table["scratch_sectors"]) * per_bucket
        yield (
            f"`{name}`: {board['flash_bytes'] // 2**20} MB. {slots:,} slots for credentials; the promised "
            f"{board['credentials']:,} are a load of {board['credentials'] / slots:.0%}."
        )
        rows = (
            (f"`{label}`", kind, f"{subtype:#04x}", f"{offset:#x}", f"{length // 1024} KB")
            for label, (kind, subtype, offset, length) in board["partitions"].items()
        )
        yield _table(("partition", "type", "subtype", "offset", "size"), rows)


def _table(titles: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """A Markdown table; nothing for no rows."""
    lines = ["| " + " | ".join(str(cell).replace("|", r"\|") for cell in row) + " |" for row in rows]
    head = [f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles)]
    return "\n".join(head + lines) if lines else ""


def main() -> int:
    text = render()
    if "--check" in sys.argv:
        return 0 if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == text else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
