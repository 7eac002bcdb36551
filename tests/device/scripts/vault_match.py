"""match.py on cases, a JSON list a line: ["alike", hex, hex, thousandths] or ["mean", [hex, hex ...]]."""

import binascii
import json
import sys

from altgate.vault import match


def vector(text):
    return bytearray(binascii.unhexlify(text))


for line in sys.stdin:
    case = json.loads(line)
    if case[0] == "alike":
        a, b = vector(case[1]), vector(case[2])
        answers = match.is_alike(a, b, case[3]), match.is_alike(b, a, case[3])
        assert (a, b) == (vector(case[1]), vector(case[2]))
        print(json.dumps(answers))
    else:
        print(json.dumps(binascii.hexlify(match.mean([vector(one) for one in case[1]])).decode()))
