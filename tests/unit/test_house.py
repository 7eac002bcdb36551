"""The house as a whole: one source for pins, a name for every code, nothing that names a registry."""

import subprocess
import sys
from pathlib import Path

from altgate.protocol import limits, messages, names, reasons, topics


def test_pins_come_from_the_board_file(root):
    done = subprocess.run([sys.executable, root / "hardware/make_pins.py", "--check"], check=False)
    assert done.returncode == 0, "run `make pins` and commit firmware/altgate/pins.py"


def test_every_reason_has_one_name_and_every_name_one_reason():
    codes = {k: v for k, v in vars(reasons).items() if k.isupper() and isinstance(v, int)}
    assert {name.lower() for name in codes} == set(names.REASONS.values())
    assert len(set(codes.values())) == len(codes)


def states_of_a_consent(name):
    """The codes of a consent's states, where ``name`` is one of them: they are no keys of a map."""
    states = [value for key, value in vars(messages).items() if key.startswith("CONSENT_")]
    is_state = name.startswith("CONSENT_") and name not in ("CONSENT_STATE", "CONSENT_ENDED", "CONSENT_LIVE")
    return states if is_state else ()


def test_message_keys_are_never_reused():
    text = Path(messages.__file__).read_text(encoding="utf-8")
    keys = [line.split("=") for line in text.splitlines() if "=" in line and line[0].isupper()]
    plain = [int(v.split("#")[0]) for k, v in keys
             if v.split("#")[0].strip().isdigit()
             and not k.startswith(("QUALITY_", "OP_", "RULE_", "TYPE_", "SETTING_", "VERB_", "KIND_",
                               "METHOD_"))
             and getattr(messages, k.strip()) not in states_of_a_consent(k.strip())]
    assert len(plain) == len(set(plain))


def test_topics_split_as_they_were_joined():
    for name in topics.UP + topics.DOWN:
        assert topics.split(topics.topic("0a1b2c3d", name)) == ("0a1b2c3d", name)


def test_the_smallest_pin_has_the_codes_the_standard_asks_for():
    # IEC 60839-11-1: at least 1,000 codes a user, here for 1,000 users.
    assert 10**limits.PIN_DIGITS_MIN >= 1000 * 1000
