"""Lay out a board for MicroPython's own build: the release image of one board file (docs/release-image.md).

    python hardware/make_release.py hardware/board.toml FOLDER

FOLDER must not be there yet. Nothing is built here: that takes ESP-IDF.
"""

import shutil
import sys
import tomllib
from pathlib import Path
from typing import Any

import make_partitions
import make_pins
from altgate.provision.inline import inlined
from boardfile import HERE

FIRMWARE = HERE.parent / "firmware"
RELEASE = FIRMWARE / "release"
BUILD = 'BUILD = "development"\n'
# The image asks the chip what it is: on a chip that is not closed the same image is a development build.
ASKED = 'import _release\n\nBUILD = "release" if _release.is_closed() else "development"\n'
CHIPS = {
    "esp32s3-n16r8": ("esp32s3", {"@MCU@": "ESP32-S3", "@USB@": "1", "@UART@": "0"}),
    "esp32-wrover": ("esp32", {"@MCU@": "ESP32", "@USB@": "0", "@UART@": "1"}),
}


def sources(board: dict[str, Any], name: str) -> dict[str, str]:
    """Path under ``door/`` to text: the firmware with this board's pins, its numbers written in, and who asks
    the chip what it is. Raises ValueError where a text is not the one that this was written for."""
    texts = {
        path.relative_to(FIRMWARE).as_posix(): path.read_text(encoding="utf-8")
        for folder in ("altgate", "protocol")
        for path in sorted((FIRMWARE / folder).rglob("*.py"))
    }
    if texts["altgate/__init__.py"].count(BUILD) != 1:
        raise ValueError(
            "firmware/altgate/__init__.py does not say what build it is in the line that is replaced"
        )
    texts["altgate/pins.py"] = make_pins.render(board, name)
    names = {path: path.removesuffix(".py").replace("/", ".").removesuffix(".__init__") for path in texts}
    written = inlined({names[path]: text for path, text in texts.items()})
    texts = {path: written[names[path]] for path in texts}
    texts["altgate/__init__.py"] = texts["altgate/__init__.py"].replace(BUILD, ASKED)
    texts["entry.py"] = (FIRMWARE / "main.py").read_text(encoding="utf-8")
    texts["manifest.py"] = (FIRMWARE / "manifest.py").read_text(encoding="utf-8")
    return texts


def sdkconfig(target: str, folder: Path, flash_bytes: int) -> str:
    """The board's own settings, over those of MicroPython."""
    parts = [
        (RELEASE / name).read_text(encoding="utf-8") for name in ("sdkconfig.release", f"sdkconfig.{target}")
    ]
    flash = f"""
# Made from the board file and hardware/flash.toml.
CONFIG_ESPTOOLPY_FLASHSIZE_4MB=n
CONFIG_ESPTOOLPY_FLASHSIZE_{flash_bytes >> 20}MB=y
CONFIG_PARTITION_TABLE_CUSTOM=y
CONFIG_PARTITION_TABLE_CUSTOM_FILENAME="{(folder / "partitions.csv").as_posix()}"
"""
    if flash_bytes == 4 << 20:
        flash = flash.replace("CONFIG_ESPTOOLPY_FLASHSIZE_4MB=n\n", "")
    return "".join(parts) + flash


def lay_out(source: Path, folder: Path) -> None:
    """Write the board's folder. Raises OSError, and KeyError for a chip that has no release image."""
    board = tomllib.loads(source.read_text(encoding="utf-8"))
    target, words = CHIPS[board["board"]["chip"]]
    flash = tomllib.loads((HERE / "flash.toml").read_text(encoding="utf-8"))
    map_ = flash["boards"][board["board"]["flash"]]
    if folder.exists():
        raise FileExistsError(folder)
    texts = sources(board, source.name)
    folder.mkdir(parents=True)
    for path, text in texts.items():
        (folder / "door" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "door" / path).write_text(text, encoding="utf-8")
    for name in ("manifest.py", "_boot.py", "release.c"):
        shutil.copy(RELEASE / name, folder / name)
    header = (RELEASE / "mpconfigboard.h").read_text(encoding="utf-8")
    for mark, word in {**words, "@NAME@": board["board"]["name"]}.items():
        header = header.replace(mark, word)
    (folder / "mpconfigboard.h").write_text(header, encoding="utf-8")
    shutil.copy(RELEASE / f"mpconfigboard.{target}.cmake", folder / "mpconfigboard.cmake")
    table = make_partitions.csv(map_["partitions"], flash["encrypted"])
    (folder / "partitions.csv").write_text(table, encoding="utf-8")
    (folder / "sdkconfig.board").write_text(
        sdkconfig(target, folder.resolve(), map_["flash_bytes"]), encoding="utf-8"
    )


def main(arguments: list[str]) -> int:
    """Lay out one board; returns the exit code."""
    if len(arguments) != 2:
        print("Give a board file and a folder that is not there yet.", file=sys.stderr)
        return 2
    try:
        lay_out(Path(arguments[0]), Path(arguments[1]))
    except FileExistsError:
        print(f"{arguments[1]} is there already: give a folder that is not.", file=sys.stderr)
        return 2
    except KeyError as error:
        print(
            f"{arguments[0]}: nothing is known of {error}: use a chip of CHIPS in this file.", file=sys.stderr
        )
        return 2
    except (OSError, tomllib.TOMLDecodeError) as error:
        print(f"{error}: give a board file such as hardware/board.toml.", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
