"""``altgate release``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from altgate.cli.output import AsJson, read_secret, show_result
from altgate.errors import CheckFailed, Refused
from altgate.protocol import update
from altgate.provision import board_file, image
from altgate.release import key as keys
from altgate.release.slot import Image, from_slot

app = typer.Typer(no_args_is_help=True, help="Images of the firmware, and the key that signs them.")
KeyFile = Annotated[Path, typer.Option("--key", help="File of the release key.")]
ImageFile = Annotated[Path, typer.Argument(help="File of an image.")]
Stdin = Annotated[bool, typer.Option("--stdin", help="Read the passphrase from standard input.")]


@app.command("key")
def key(
    path: Annotated[Path, typer.Argument(help="File of the key; made where there is none.")],
    signatures: Annotated[
        int, typer.Option(help="How many signatures a new key can make: 32 or 1024.")
    ] = 1024,
    firmware: Annotated[
        Path | None, typer.Option(help="Folder of the firmware that shall know the key from now on.")
    ] = None,
    stdin: Stdin = False,
    as_json: AsJson = False,
) -> None:
    """Make a release key, or show how many signatures one has left.

    Each signature spends a part of the key for good. Never sign with an
    older copy of the file: that gives everybody the means to sign. One
    computer notices such a copy of a key that it has used itself; two
    computers do not notice each other.
    """
    is_made = not path.exists()
    if is_made:
        held = keys.create(path, read_secret("passphrase of the new key", stdin), signatures)
    else:
        held = keys.read(path)
    if firmware:
        _write(firmware / image.RELEASE_KEY, image.release_key_module(held.public_key).encode())
    row = {
        "key": str(path),
        "is_new": is_made,
        "public_key": held.public_key.hex(),
        "signatures_left": held.left,
    }
    next_step = "" if firmware else " Give its file to altgate release build with --key."
    done = "is made" if is_made else "is a release key"
    show_result(row, as_json, f"{path} {done}; signatures left: {held.left}.{next_step}")


@app.command("build")
def build(
    path: Annotated[Path, typer.Argument(help="File to write the image to.")],
    board: Annotated[
        Path | None, typer.Option(help="The board's file; that of the reference board if left out.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key", help="File of the release key that doors with this image accept.")
    ] = None,
    created: Annotated[
        int, typer.Option(envvar="SOURCE_DATE_EPOCH", help="Unix seconds that it bears as its date; 0: none.")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Make an image of the firmware for a board, unsigned.

    The same source gives the same bytes.
    """
    if not 0 <= created < 1 << 32:
        raise Refused(f"--created {created} is no time: write Unix seconds.")
    public_key = keys.read(key_file).public_key if key_file else None
    made = image.build(board_file.read(board or board_file.DEFAULT), created, public_key)
    _write(path, made.in_slot())
    show_result(_row(path, made, None), as_json, f"{path} is built, {len(made.rom)} bytes, unsigned.")


@app.command("sign")
def sign(path: ImageFile, key_file: KeyFile, stdin: Stdin = False, as_json: AsJson = False) -> None:
    """Sign an image, in its file."""
    found = _read(path)
    if found.signature:
        raise Refused(f"{path} is signed already: build it again to sign it anew.")
    keys.read(key_file)
    passphrase = read_secret("passphrase of the key", stdin, is_new=False)
    signature, held = keys.sign(key_file, passphrase, found.manifest)
    signed = Image(found.manifest, signature, found.rom)
    _write(path, signed.in_slot())
    row = {**_row(path, signed, True), "signatures_left": held.left}
    show_result(row, as_json, f"{path} is signed; signatures left: {held.left}.")


@app.command("show")
def show(
    path: ImageFile,
    key_file: Annotated[
        Path | None,
        typer.Option("--key", help="File of the release key to check with; the firmware's own if left out."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check an image, and show what it says of itself.

    Ends with an error where it is damaged, or bears a signature that is
    wrong.
    """
    found = _read(path)
    public_key = keys.read(key_file).public_key if key_file else image.release_key()
    is_right = None
    if found.signature and public_key:
        is_right = keys.is_signed(public_key, found.manifest, found.signature)
        if not is_right:
            raise CheckFailed(f"{path} is signed, but not with this key: trust it only if you know why.")
    row = _row(path, found, is_right)
    says = "; ".join(f"{name.replace('_', ' ')} {value}" for name, value in row.items() if name != "image")
    show_result(row, as_json, f"{path}: {says}.")


def _row(path: Path, found: Image, is_right: bool | None) -> dict[str, Any]:
    fields = found.fields
    signed = "no" if not found.signature else "yes" if is_right else "yes, not checked: no key is known"
    return {
        "image": str(path),
        "version": fields[update.VERSION],
        "board": fields[update.BOARD],
        "layout": fields[update.LAYOUT],
        "bytes": fields[update.SIZE],
        "sha256": fields[update.SHA256].hex(),
        "security": fields[update.SECURITY],
        "created": fields[update.CREATED],
        "signed": signed,
    }


def _read(path: Path) -> Image:
    try:
        return from_slot(path.read_bytes())
    except OSError as error:
        raise Refused(f"{path} cannot be read ({error.strerror}): give the file of an image.") from None


def _write(path: Path, data: bytes) -> None:
    """Put a file in place whole."""
    beside = path.with_name(path.name + ".new")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written ({error.strerror}): choose another name.") from None
