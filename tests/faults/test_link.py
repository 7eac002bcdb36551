"""Ten schedules of faults between a door and its host, and that the oracles can object.

`make campaign` goes on. ALTGATE_SEED=number repeats a run, as far as what takes real time can be repeated.
"""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults import schedules, slices

SEED = int(os.environ.get("ALTGATE_SEED") or secrets.randbelow(slices.SEEDS))
SCHEDULES = 10
MOST_S = 100.0
TRIES = 4
(LINK,) = schedules.CAMPAIGNS
pytestmark = pytest.mark.debian


def test_nothing_is_lost_repeated_or_revived_between_door_and_host(record_property):
    print(f"ALTGATE_SEED={SEED}")
    record_property("seed", SEED)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(
            pool.map(lambda seed: LINK.slice(seed, MOST_S, cases=SCHEDULES // 2), (SEED, SEED + 1))
        )
    for outcome in outcomes:
        assert not outcome.is_failed, LINK.explain(outcome)
    assert sum(outcome.genuine for outcome in outcomes) == SCHEDULES


def shown(name):
    """The outcome of a control, tried again: it hangs on when things happen, which a busy machine upsets."""
    for _ in range(TRIES):
        outcome = LINK.control(name)
        if outcome.is_failed:
            break
    return outcome


def test_what_the_oracles_are_for_is_noticed():
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(zip(LINK.shows, pool.map(shown, LINK.shows), strict=True))
    for name, outcome in outcomes:
        assert outcome.kind.startswith("Wrong: "), f"{name}: {outcome.kind or 'not noticed'}\n{outcome.trace}"
        assert "planted fault no longer fits" not in outcome.trace, outcome.trace
    assert set(LINK.shows) == {*LINK.plants, *LINK.device_plants}


@pytest.mark.parametrize("case", [LINK.shows["hello is said once"], *LINK.mended.values()])
def test_a_mended_fault_does_not_come_back(case):
    outcome = LINK.slice(0, MOST_S, replay=case)
    assert not outcome.is_failed, LINK.explain(outcome)
