"""Templates on the door's flash: kept through any cut, gone once erased, and compared as arithmetic says."""

import json
import math
import random

import pytest

from support import erasure

LENGTH = 196


@pytest.fixture
def seed(record_property):
    """A fresh seed a run, printed with the test's output so that a failure can be run again."""
    value = random.randrange(2**30)
    print("seed", value)
    record_property("seed", value)
    return value


def run(device, root, name, *args, heap="4m"):
    return device.run(root / f"tests/device/scripts/{name}", heap=heap, args=[str(arg) for arg in args])


def test_slots_outlive_a_cut_anywhere(device, root, tmp_path, seed):
    name, cuts = run(device, root, "vault_slots.py", tmp_path / "flash.bin", seed, 3).stdout.split()
    assert name == "cuts" and int(cuts) > 40


def test_sectors_wear_alike(device, root, tmp_path):
    assert run(device, root, "vault_slots.py", tmp_path / "flash.bin", 0, "wear").stdout == "ok\n"


def test_a_template_outlives_a_cut_anywhere_and_an_erased_one_does_not(device, root, tmp_path, seed):
    name, cuts = run(device, root, "vault_cuts.py", tmp_path / "flash.bin", seed, 9).stdout.split()
    assert name == "cuts" and int(cuts) > 60


def test_templates_are_found_however_often_they_were_moved(device, root, tmp_path, seed):
    assert run(device, root, "vault_long.py", tmp_path / "flash.bin", seed).stdout == "ok\n"


@pytest.mark.parametrize("what", ["third_copy", "new_template"])
def test_on_worn_flash_no_secret_outlives_an_erasure_that_was_said_to_be_done(device, root, tmp_path, what):
    assert run(device, root, "vault_worn.py", tmp_path / "flash.bin", what, heap="1m").stdout == "ok\n"


def test_what_was_erased_is_nowhere_in_the_flash(tmp_path, seed):
    rows = erasure.play(tmp_path, seed, 50)
    assert len(rows) == 50
    for row in rows:
        key, template, sealed, wrapped = erasure.secrets(row)
        # Sealed by another implementation: so it is known that what is looked for is what was there.
        alive = erasure.image(tmp_path, row["alive"])
        assert erasure.windows(sealed) <= alive and erasure.windows(wrapped) <= alive
        assert alive.isdisjoint(erasure.windows(key)) and alive.isdisjoint(erasure.windows(template))
    assert erasure.left(rows, tmp_path) == 0


# Comparing vectors, against floating-point numbers.


def matched(device, root, interpreter, cases):
    """What match.py says to each case of vault_match.py."""
    script = root / "tests/device/scripts/vault_match.py"
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    done = device.run(script, interpreter=interpreter, stdin=lines)
    return [json.loads(line) for line in done.stdout.splitlines()]


def signed(vector):
    return [(byte ^ 128) - 128 for byte in vector]


def cosine(a, b):
    a, b = signed(a), signed(b)
    length = math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))
    return sum(x * y for x, y in zip(a, b, strict=True)) / length if length else 0.0


def noisy(rng, vector, noise):
    return bytes(max(-128, min(127, round(x + rng.gauss(0, noise)))) & 255 for x in signed(vector))


def pairs(rng):
    """Pairs of vectors from equal to opposite, and at the ends of what a byte holds."""
    edges = [bytes(LENGTH), b"\x80" * LENGTH, b"\x7f" * LENGTH, b"\xff" * LENGTH, b"\1" + bytes(LENGTH - 1)]
    yield from ((a, b) for a in edges for b in edges)
    for _ in range(80):
        a = bytes(rng.randbytes(LENGTH))
        flipped = bytes(-x & 255 if x != -128 else 127 for x in signed(a))
        few = bytes(rng.choice([0, 0, 0, 0, 1, 255]) for _ in range(LENGTH))
        yield from ((a, a), (a, flipped), (a, rng.randbytes(LENGTH)), (a, few), (few, bytes(reversed(few))))
        yield a, noisy(rng, a, rng.choice([5, 40, 80, 120]))


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
def test_alike_is_what_the_cosine_says(device, root, interpreter, seed):
    rng = random.Random(seed)
    cases = [(a, b, rng.choice([1, 500, 590, 999, 1000])) for a, b in pairs(rng)]
    # One step to either side of the pair's own cosine.
    for a, b, _ in list(cases):
        near = math.floor(cosine(a, b) * 1000)
        if 1 <= near < 999:
            cases += [(a, b, near), (a, b, near + 1)]
    answers = matched(device, root, interpreter, [["alike", a.hex(), b.hex(), t] for a, b, t in cases])
    seen = set()
    for (a, b, limit), answer in zip(cases, answers, strict=True):
        exact = cosine(a, b) - limit / 1000
        if abs(exact) < 1e-9:
            continue  # a float cannot tell
        assert answer == [exact > 0] * 2, (a.hex(), b.hex(), limit)
        seen.add((limit, answer[0]))
    assert {(590, True), (590, False), (500, True), (500, False)} <= seen


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
def test_a_vector_of_zeros_is_like_nothing(device, root, interpreter):
    zero = bytes(LENGTH).hex()
    others = [zero, "80" * LENGTH, "7f" * LENGTH, "01" * LENGTH, "ff" * LENGTH]
    asked = [["alike", zero, other, limit] for other in others for limit in (0, 1, 590)]
    assert matched(device, root, interpreter, asked) == [[False, False]] * len(asked)


@pytest.mark.parametrize("interpreter", ["micropython", "cpython"])
def test_the_mean_of_three_lies_in_their_middle(device, root, interpreter, seed):
    rng = random.Random(seed)
    cases = []
    for _ in range(40):
        person = bytes(round(rng.gauss(0, 40)) & 255 for _ in range(LENGTH))
        # Of other lengths too: each picture counts for its direction only.
        shots = [noisy(rng, person, 25) for _ in range(3)]
        shots[2] = bytes(round(x / rng.choice([1, 2, 4])) & 255 for x in signed(shots[2]))
        cases.append(shots)
    cases += [[b"\x80" * LENGTH] * 3, [b"\x7f" * LENGTH, b"\x80" * LENGTH, rng.randbytes(LENGTH)]]
    answers = matched(device, root, interpreter, [["mean", [one.hex() for one in shots]] for shots in cases])
    for shots, answer in zip(cases, answers, strict=True):
        middle = bytes.fromhex(answer)
        units = []
        for shot in shots:
            length = math.sqrt(sum(x * x for x in signed(shot)))
            units.append([x / length for x in signed(shot)])
        exact = [sum(column) for column in zip(*units, strict=True)]
        got = signed(middle)
        similar = sum(x * y for x, y in zip(exact, got, strict=True))
        similar /= math.sqrt(sum(x * x for x in exact) * sum(y * y for y in got))
        assert similar > 0.999 and max(map(abs, got)) == 127 and len(middle) == LENGTH
    assert matched(device, root, interpreter, [["mean", ["00" * LENGTH] * 3]]) == ["00" * LENGTH]
