"""A slice of the power cuts that `make campaign` goes on with."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults import power, slices

SEED = int(os.environ.get("ALTGATE_SEED") or secrets.randbelow(slices.SEEDS))
CUTS = 2000
OF_ENROLMENT = 60
CONTROL_S = 60.0  # at the most: a control ends when the fault is noticed


def test_no_cut_loses_what_was_kept(record_property):
    print(f"ALTGATE_SEED={SEED}")
    record_property("seed", SEED)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda one: (one, one.slice(SEED, 0)), power.CUTS_CAMPAIGNS))
    for campaign, outcome in outcomes:
        assert not outcome.is_failed, campaign.explain(outcome)
    assert sum(outcome.frames for _, outcome in outcomes) >= CUTS


def test_a_board_that_is_cut_off_becomes_a_door_at_the_next_run(record_property):
    print(f"ALTGATE_SEED={SEED}")
    record_property("seed", SEED)
    outcome = power.ENROLMENT.slice(SEED, CONTROL_S, cases=OF_ENROLMENT)
    assert not outcome.is_failed, power.ENROLMENT.explain(outcome)
    assert outcome.genuine >= OF_ENROLMENT


@pytest.mark.parametrize("name", power.ENROLMENT.plants)
def test_an_enrolment_without_one_of_its_cares_is_noticed(name):
    outcome = power.ENROLMENT.slice(SEED, CONTROL_S, plant=name)
    assert "planted fault no longer fits" not in outcome.trace, outcome.trace
    assert outcome.is_failed, f"{name}: {outcome.frames} cuts with seed {SEED} did not show the fault"
