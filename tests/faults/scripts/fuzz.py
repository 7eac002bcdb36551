"""What every fuzzing script shares: mutations, the loop over cases, shrinking, and the report.

A case is a list of frames. A frame is bytes: the first says how the rest goes on the wire (0 as it stands;
other numbers as the script explains, most of them with a right length, checksum or code), so that a case can
be shrunk and still carry right checksums. A script has a ``generate()`` that makes a case from the random
numbers and a ``check(frames)`` that plays it from a fresh start and raises Wrong where the oracle objects;
whatever else it raises is a finding, too. The same input gives the same outcome, so that it can be replayed.

Runs on MicroPython and on CPython. Standard input is one line of JSON, made by campaigns.py: seed, seconds,
folder for files, plants (faults to plant), shrink, trace (print each case) and
replay (a case), and cases where no more of them are to be made.
"""

import binascii
import gc
import io
import json
import random
import sys
import time

from planting import plant

RAW = 0
SHRINKING_S = 8
GROWTH_BYTES = 12 * 1024
RESIDENT_KIB = 96 * 1024
ADDRESS_BYTES = 2 << 30
CASE_S = 30  # a case that takes longer ends the program
IS_DEVICE = sys.implementation.name == "micropython"
INTERESTING = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)

settings = json.loads(sys.stdin.readline())
counts = {"cases": 0, "frames": 0, "repaired": 0, "genuine": 0}
reasons = {}  # how often each reason was given for a drop, by code
_quiet = []


class Wrong(Exception):
    """What the oracle objects to, in words that do not depend on the case, and then the particulars."""

    def __init__(self, what, *particulars):
        # What went wrong may be that something is far too long.
        super().__init__(
            what, *[one[:200] if isinstance(one, (bytes, str, list)) else one for one in particulars]
        )


def begin():
    """Seed the random numbers and plant the faults asked for; call it before the product is imported."""
    if IS_DEVICE:
        # What is compiled now stays: collected often meanwhile, it lies together and leaves room behind it.
        gc.threshold(8192)
    else:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_BYTES, ADDRESS_BYTES))
    for module, old, new in settings["plants"]:
        plant(module, old, new)
    random.seed(settings["seed"])


def sent(is_repaired):
    """Count a frame that was put on the wire; ``is_repaired``: its length and checksum are right."""
    if not _quiet:
        counts["frames"] += 1
        counts["repaired"] += is_repaired


def dropped(reason):
    """Count a drop that the product gave a reason for."""
    if not _quiet:
        reasons[reason] = reasons.get(reason, 0) + 1


def is_due(every):
    """Whether a dear check is made in this case: in one of ``every``, and always in a replay."""
    return bool(settings["replay"]) or bool(_quiet) or counts["cases"] % every == 0


def drive(coroutine):
    """Run a coroutine that never waits to its end, and return its value."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise Wrong("it waits for something that is not there")


def run(generate, check):
    """The whole script: replay one case, or make cases until the time is up; prints the report."""
    if IS_DEVICE:
        gc.threshold(-1)
    if settings["replay"]:
        _report(_fault([binascii.unhexlify(part) for part in settings["replay"].split(",")], check))
        return
    began, watch = _now_s(), _Memory()
    fault = None
    most = settings.get("cases") or 1 << 30
    while fault is None and _now_s() - began < settings["seconds"] and counts["cases"] < most:
        frames = generate()
        if settings["trace"]:
            print(text(frames))
            sys.stdout.flush()
        found = _fault(frames, check)
        counts["cases"] += 1
        if found:
            _quiet.append(1)
            fault = _shrunk(frames, check, found) if settings["shrink"] else found
        elif counts["cases"] % 64 == 0:
            frames = None  # a long case is not the product's memory
            fault = watch.fault()
    _report(fault, _now_s() - began)


def text(frames):
    """A case as text, from which it can be replayed."""
    return ",".join([binascii.hexlify(frame).decode() for frame in frames])


def _fault(frames, check):
    """``(kind, input, what was raised)`` of a case; None where all is well."""
    if not IS_DEVICE:
        import signal

        signal.alarm(CASE_S)
    try:
        check(list(frames))
    except Exception as error:
        trace = _trace(error)
        kind = type(error).__name__ + (": " + str(error.args[0]) if isinstance(error, Wrong) else "")
        return kind, text(frames), trace
    return None


def _trace(error):
    gc.collect()
    if IS_DEVICE:
        output = io.StringIO()
        sys.print_exception(error, output)
        return output.getvalue()
    import traceback

    return "".join(traceback.format_exception(error))


def _shrunk(frames, check, fault):
    """The shortest case found that still fails in the same way: fewer frames, then fewer bytes in each."""
    ends, best = _now_s() + SHRINKING_S, [frames, fault]

    def fails(fewer):
        found = _fault(fewer, check) if fewer and _now_s() < ends else None
        if found is None or found[0] != fault[0]:
            return False
        best[:] = fewer, found
        return True

    _without(len(frames), lambda at, end: fails(best[0][:at] + best[0][end:]))
    for number in range(len(best[0])):

        def cut(at, end, number=number):
            frame = best[0][number]
            shorter = frame[: at + 1] + frame[end + 1 :]
            return fails(best[0][:number] + [shorter] + best[0][number + 1 :])

        _without(len(best[0][number]) - 1, cut)
    return best[1]


def _without(length, is_good):
    """Leave out pieces, large ones first; ``is_good(at, end)`` takes a piece out where that is possible."""
    size = length
    while size:
        at = 0
        while at < length:
            end = min(at + size, length)
            if is_good(at, end):
                length -= end - at
            else:
                at = end
        size //= 2


class _Memory:
    """What the program holds must not grow from case to case."""

    def __init__(self):
        self._base = None

    def fault(self):
        gc.collect()
        used, slack = (gc.mem_alloc(), GROWTH_BYTES) if IS_DEVICE else (_resident_kib(), RESIDENT_KIB)
        if self._base is None:
            self._base = used
        if used > self._base + slack:
            return "Wrong: memory grows", "", "from %d to %d" % (self._base, used), None
        return None


def _resident_kib():
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _now_s():
    return time.ticks_ms() / 1000 if IS_DEVICE else time.monotonic()


def _report(fault, seconds=0.0):
    report = dict(counts)
    report["seconds"] = seconds
    report["reasons"] = {str(reason): count for reason, count in reasons.items()}
    report["fault"] = fault and {"kind": fault[0], "input": fault[1], "trace": fault[2]}
    print("\nREPORT", end=" ")
    json.dump(report, sys.stdout)
    print()


def noise(most):
    """Random bytes, at most so many."""
    return bytes([random.getrandbits(8) for _ in range(random.randrange(most + 1))])


def chance(one_in):
    """True once in so many times."""
    return random.randrange(one_in) == 0


def mutated(data, other=b"", most=400):
    """One to four mutations: bits, bytes, cuts, repeats, splices with ``other``, too much of something."""
    data = bytes(data)
    for _ in range(1 + random.randrange(4) * random.getrandbits(1)):
        at = random.randrange(len(data) + 1)
        end = min(len(data), at + 1 + random.randrange(1 + random.randrange(16)))
        data = _MUTATIONS[random.randrange(len(_MUTATIONS))](data, at, end, other)
    return data[:most]


def _flip(data, at, end, other):
    flipped = bytes([byte ^ 1 << random.getrandbits(3) for byte in data[at : at + 1]])
    return data[:at] + flipped + data[at + 1 :]


def _set(data, at, end, other):
    return data[:at] + bytes((random.getrandbits(8),)) + data[at + 1 :]


def _special(data, at, end, other):
    return data[:at] + bytes((INTERESTING[random.randrange(6)],)) + data[at + 1 :]


def _step(data, at, end, other):
    # One more or one less: the neighbour of a limit.
    stepped = bytes([byte + 1 - 2 * random.getrandbits(1) & 0xFF for byte in data[at : at + 1]])
    return data[:at] + stepped + data[at + 1 :]


def _cut(data, at, end, other):
    return data[:at]


def _remove(data, at, end, other):
    return data[:at] + data[end:]


def _repeat(data, at, end, other):
    return data[:end] + data[at:]


def _splice(data, at, end, other):
    return data[:at] + other[random.randrange(len(other) + 1) :]


def _oversize(data, at, end, other):
    return data[:at] + bytes((random.getrandbits(8),)) * random.randrange(300) + data[at:]


def _random(data, at, end, other):
    return data[:at] + noise(12) + data[end:]


_MUTATIONS = (_flip, _flip, _set, _special, _step, _cut, _remove, _repeat, _splice, _oversize, _random)
