"""QR pass texts: only what the host made with this door's key passes, in its one spelling.

The first byte of a frame says how: 0 the text as it is; 1 the same as str where it is one; 2 these bytes
rightly spelled; 3 the same with the right tag of this door over whatever it says.
"""

import random

import fuzz

fuzz.begin()

import passmaker
from altgate.crypto import passes
from protocol import reasons

TEXT, SPELLED, TAGGED = 1, 2, 3
REFUSALS = (reasons.PASS_MALFORMED, reasons.OTHER_DOOR, reasons.PASS_NOT_GENUINE)


def play(frame):
    """Have one text checked; returns the reason for refusing it, or None."""
    how, content, made = frame[0], frame[1:], []
    shown = content
    if how == TAGGED:
        content = passmaker.tagged(content)
        made.append(passmaker.fields(content))
    if how in (SPELLED, TAGGED):
        shown = passmaker.text(content)
    elif how == TEXT:
        try:
            shown = str(content, "utf-8")
        except UnicodeError:
            pass
    fuzz.sent(how in (SPELLED, TAGGED))
    is_refused = False
    try:
        got = passes.check(shown, passmaker.KEY, passmaker.DOOR)
    except passes.PassError as error:
        if type(error) is not passes.PassError or error.reason not in REFUSALS:
            raise fuzz.Wrong("a refusal with another reason", error.reason)
        fuzz.dropped(error.reason)
        is_refused = True
    if is_refused:
        if made and made[0][1] <= made[0][2]:
            raise fuzz.Wrong("a genuine pass was refused", made)
    elif got not in made + passmaker.MADE:
        raise fuzz.Wrong("a pass that nobody made was taken", got)
    elif not made and bytes(shown if isinstance(shown, bytes) else shown.encode()) not in spellings(shown):
        raise fuzz.Wrong("a pass was taken in a second spelling", shown)


def spellings(shown):
    """The one text of what this text spells; the other door's part of a pass is not ours to judge."""
    shown = shown if isinstance(shown, bytes) else shown.encode()
    standard = shown[4:].replace(b"-", b"+").replace(b"_", b"/")
    return [passmaker.text(passes.a2b_base64(standard + b"=" * (-len(standard) % 4)))]


def check(frames):
    for frame in frames:
        play(frame)
    if passes.check(passmaker.GENUINE, passmaker.KEY, passmaker.DOOR) != passmaker.FIELDS:
        raise fuzz.Wrong("the genuine pass was read otherwise")
    fuzz.counts["genuine"] += 1


def generate():
    return [WAYS[random.randrange(len(WAYS))]() for _ in range(8)]


def mixed():
    """A rightly spelled pass whose characters were exchanged for those of plain base64, or given company."""
    text = bytearray(passmaker.text(fuzz.mutated(passmaker.RAW)))
    at = random.randrange(len(text) + 1)
    more = b"=+/ \n\r\t-_A"
    return bytes(text[:at]) + bytes((more[random.randrange(len(more))],)) + bytes(text[at + fuzz.chance(2) :])


WAYS = (
    lambda: b"\0" + fuzz.mutated(passmaker.GENUINE, passmaker.text(passmaker.OTHER)),
    lambda: bytes((random.getrandbits(1),)) + mixed(),
    lambda: b"\1" + fuzz.mutated(passmaker.GENUINE),
    lambda: b"\2" + fuzz.mutated(passmaker.RAW, passmaker.OTHER, 190),
    lambda: b"\2" + fuzz.mutated(passmaker.OTHER, passmaker.RAW, 190),
    lambda: b"\3" + fuzz.mutated(passmaker.RAW),
    lambda: b"\3" + fuzz.mutated(passmaker.RAW, passmaker.OTHER),
)
fuzz.run(generate, check)
