"""A slice of the power cuts that `make campaign` goes on with."""

import os
import secrets
from concurrent.futures import ThreadPoolExecutor

from faults import power, slices

SEED = int(os.environ.get("ALTGATE_SEED") or secrets.randbelow(slices.SEEDS))
CUTS = 2000


def test_no_cut_loses_what_was_kept(record_property):
    print(f"ALTGATE_SEED={SEED}")
    record_property("seed", SEED)
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(lambda one: (one, one.slice(SEED, 0)), power.CAMPAIGNS))
    for campaign, outcome in outcomes:
        assert not outcome.is_failed, campaign.explain(outcome)
    assert sum(outcome.frames for _, outcome in outcomes) >= CUTS
