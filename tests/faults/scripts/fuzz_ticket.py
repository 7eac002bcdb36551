"""Texts of installation tickets: only whole ones of a building's own CA are read, in whatever lines.

A frame's first byte says how: 0 the bytes as they are, as text; 1 the prefix and base32 of these bytes; 2 the
same of what is given and of the ticket's own signature over something else: the bytes are what is given; 3
the genuine text with blanks at the places that the bytes say.
"""

import base64
import random
import warnings
from pathlib import Path

import fuzz

fuzz.begin()

import items
from altgate.errors import Refused
from altgate.keys.authority import create_authority, issue
from altgate.plain_cbor import decode
from altgate.provision import ticket as module
from cryptography.utils import CryptographyDeprecationWarning

# A certificate that cryptography will refuse one day is none today, or its signature does not fit.
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)
WHOLE, GIVEN, BLANKS = 1, 2, 3
authority = create_authority("Lakeside", Path(fuzz.settings["folder"]) / "issued.txt")
entry = issue(authority, "0a1b2c3d", days=14)
FIELDS = {
    1: "0a1b2c3d", 3: 1, 5: "broker.local", 6: 8883, 7: "altgate-broker", 8: authority.certificate,
    9: entry.certificate, 10: entry.key, 18: "http://localhost", 19: b"ticketid", 20: b"the ticket's own",
    21: b"\4" + bytes(64), 22: 0xFFFFFFFF, 23: "Lakeside", 24: "Front",
}  # fmt: skip
TEXT = module.encode(authority, FIELDS)
DIGITS = TEXT[len(module.PREFIX) :]
RAW = base64.b32decode(DIGITS + "=" * (-len(DIGITS) % 8))
INNER, SIGNATURE = decode(RAW)


def spelled(data):
    return module.PREFIX + base64.b32encode(data).decode().rstrip("=")


def text_of(how, content):
    if how == WHOLE:
        return spelled(content)
    if how == GIVEN:
        return spelled(items.write([content, SIGNATURE]))
    if how == BLANKS:
        text = TEXT
        for at in content:
            at = at * 7 % len(text)
            text = text[:at] + " \n\t\r"[at % 4] + text[at:]
        return text
    return content.decode("latin-1")


def check(frames):
    for frame in frames:
        how, content = (frame[0], frame[1:]) if frame else (0, b"")
        fuzz.sent(how != fuzz.RAW)
        try:
            ticket = module.read(text_of(how, content))
        except Refused as error:
            if type(error) is not Refused:
                raise fuzz.Wrong("another error than Refused", error) from error
            fuzz.dropped(str(error).split(":")[0])
            if how == BLANKS:
                raise fuzz.Wrong("blanks in a ticket's text are no damage", content) from error
            continue
        if ticket.given != INNER or ticket.fields != FIELDS:
            raise fuzz.Wrong("an altered ticket was read", content)
        if "secret" in repr(ticket) or ticket.secret.hex() in repr(ticket):
            raise fuzz.Wrong("a ticket's representation tells its secret")
        ticket.check_time()
    fuzz.counts["genuine"] += 1


def other_fields():
    """What the ticket says, with something exchanged."""
    fields = dict(FIELDS)
    way = random.randrange(4)
    if way == 0:
        return items.write(items.altered(fields))
    if way == 1:
        return fuzz.mutated(INNER, RAW, len(INNER) + 40)
    key = random.choice(sorted(fields))
    one = fields[key]
    if fuzz.chance(2):
        fields[8] = fuzz.mutated(authority.certificate, entry.certificate, 2000)
    elif way == 2 and isinstance(one, (bytes, str)):
        fields[key] = one[:-1] if fuzz.chance(2) else one + one[:1]
    elif isinstance(one, int):
        fields[key] = one ^ 1
    else:
        fields[key] = items.anything(2)
    return items.write(fields)


def some_whole():
    """Given and signature, or what is none."""
    way = random.randrange(5)
    if way == 0:
        return items.write(items.altered([INNER, SIGNATURE]))
    if way == 1:
        return fuzz.mutated(RAW, INNER, len(RAW) + 40)
    if way == 2:
        return items.write([INNER, fuzz.mutated(SIGNATURE, b"", 80)])
    if way == 3:
        return items.write([items.anything(3), SIGNATURE])
    return items.write(items.anything(4), 6)


WAYS = (
    lambda: b"\0" + fuzz.mutated(TEXT.encode(), b"ALTGATE:2:AAAA====", 9000),
    lambda: b"\1" + some_whole(),
    lambda: b"\1" + some_whole(),
    lambda: b"\2" + other_fields(),
    lambda: b"\2" + other_fields(),
    lambda: b"\3" + fuzz.noise(8),
)


def generate():
    return [WAYS[random.randrange(len(WAYS))]() for _ in range(1 + random.randrange(6))]


fuzz.run(generate, check)
