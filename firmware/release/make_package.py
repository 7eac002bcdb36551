"""Write firmware/package.json, by which `mip` puts the door's modules on a board with stock MicroPython.

    python firmware/release/make_package.py    --check says by its exit code whether it is current

Addresses are relative to the file, so that it serves from wherever the folder is put. main.py is not in it:
mip writes below lib/, and a board runs the main.py at its root.
"""

import json
import re
import sys
from pathlib import Path

FIRMWARE = Path(__file__).resolve().parent.parent
TARGET = FIRMWARE / "package.json"


def render() -> str:
    """The file's text: where to put each module and whence, and the firmware's version."""
    paths = sorted(
        path.relative_to(FIRMWARE).as_posix()
        for folder in ("altgate", "protocol")
        for path in (FIRMWARE / folder).rglob("*.py")
    )
    said = re.search(
        r'^VERSION = "(.+)"$', (FIRMWARE / "altgate/__init__.py").read_text(encoding="utf-8"), re.M
    )
    assert said
    package = {"urls": [[path, path] for path in paths], "deps": [], "version": said[1]}
    return json.dumps(package, indent=1) + "\n"


def main(arguments: list[str]) -> int:
    """Write, or check; returns the exit code."""
    if "--check" in arguments:
        return 0 if TARGET.is_file() and TARGET.read_text(encoding="utf-8") == render() else 1
    TARGET.write_text(render(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
