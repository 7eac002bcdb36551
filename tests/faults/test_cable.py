"""A few of the lost cables that `make campaign` goes on with, and the proof that they can fail."""

import os
import secrets

import pytest

from faults import slices
from faults.cable import CAMPAIGN, SHOWS

SEED = int(os.environ.get("ALTGATE_SEED") or secrets.randbelow(slices.SEEDS))
CUTS = 4
SLICE_S = 60.0  # at the most


def test_after_a_lost_cable_the_same_command_completes(record_property):
    print(f"ALTGATE_SEED={SEED}")
    record_property("seed", SEED)
    outcome = CAMPAIGN.slice(SEED, SLICE_S, cases=CUTS)
    assert not outcome.is_failed, CAMPAIGN.explain(outcome)
    assert outcome.genuine == CUTS


@pytest.mark.parametrize("name", SHOWS)
def test_a_laptop_that_does_not_go_on_is_noticed(name):
    assert set(SHOWS) == set(CAMPAIGN.plants)
    right = CAMPAIGN.slice(SEED, SLICE_S, replay=SHOWS[name])
    assert not right.is_failed, CAMPAIGN.explain(right)
    outcome = CAMPAIGN.slice(SEED, SLICE_S, plant=name, replay=SHOWS[name])
    assert "the same command fails" in outcome.kind, outcome
