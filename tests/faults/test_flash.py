"""A short slice of each campaign on flash and memory, and the proof that each can fail."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

import pytest

from faults import flash, slices

SEED = int(os.environ.get("ALTGATE_SEED") or secrets.randbelow(slices.SEEDS))
SLICE_S = 1.0
CONTROL_S = 90.0  # at the most: a control ends when the fault is noticed


@pytest.fixture(autouse=True)
def seed(record_property):
    """Printed with a failure, so that it can be run again."""
    print(f"ALTGATE_SEED={SEED}")
    record_property("seed", SEED)


def test_no_fault_of_flash_or_memory_grants_or_loses_anything():
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda one: (one, one.slice(SEED, SLICE_S)), flash.CAMPAIGNS))
    for campaign, outcome in outcomes:
        assert not outcome.is_failed, campaign.explain(outcome)
        assert outcome.genuine, f"{campaign.name}: no case was played to its end"


@pytest.mark.parametrize("campaign", flash.CAMPAIGNS, ids=lambda one: one.name)
def test_a_store_without_one_of_its_cares_is_noticed(campaign):
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda name: campaign.slice(SEED, CONTROL_S, plant=name), campaign.plants))
    for name, outcome in zip(campaign.plants, outcomes, strict=True):
        assert "planted fault no longer fits" not in outcome.trace, outcome.trace
        assert outcome.is_failed, f"{name}: {outcome.frames} {campaign.unit} did not show the fault"
        assert outcome.frames or outcome.cases, f"{name}: it ended before the first case: {outcome.trace}"
