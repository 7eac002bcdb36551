"""A short slice of every fuzzing campaign, and the proof that each can fail. `make campaign` goes on.

The seed is another one each time. ALTGATE_SEED=number repeats a run.
"""

import os
import secrets

import pytest

from faults import campaigns, hostile, run, slices
from faults.slices import Campaign

CAMPAIGNS = (*campaigns.CAMPAIGNS, *hostile.CAMPAIGNS)
SEED = int(os.environ.get("ALTGATE_SEED") or secrets.randbelow(slices.SEEDS))
SLICE_S = 0.4
CONTROL_S = 60.0  # at the most: a control ends when the fault is noticed


def _each(table):
    """Parameters ``campaign`` and ``name``, for every row in a table of every campaign."""
    rows = [(one, name) for one in CAMPAIGNS for name in vars(one)[table]]
    return pytest.mark.parametrize(
        ("campaign", "name"), rows, ids=[f"{one.name}: {name}" for one, name in rows]
    )


every = pytest.mark.parametrize("campaign", CAMPAIGNS, ids=lambda one: one.name)


@pytest.fixture(autouse=True)
def seed(record_property):
    """Printed with a failure, so that it can be run again."""
    print(f"ALTGATE_SEED={SEED}")
    record_property("seed", SEED)


@every
def test_nothing_that_is_sent_is_a_surprise(campaign):
    outcome = campaign.slice(SEED, SLICE_S)
    assert not outcome.is_failed, campaign.explain(outcome)
    assert outcome.frames and outcome.genuine, "no case was played to its end"
    assert 2 * outcome.repaired >= outcome.frames, "most frames fail at their length or checksum already"


@_each("plants")
def test_a_check_that_is_taken_out_is_noticed(campaign, name):
    outcome = campaign.slice(SEED, CONTROL_S, plant=name)
    assert "planted fault no longer fits" not in outcome.trace, outcome.trace
    assert outcome.is_failed, f"{outcome.frames} {campaign.unit} with seed {SEED} did not show the fault"
    assert outcome.cases, f"it ended before the first case: {outcome.trace}"


@_each("mended")
def test_a_mended_fault_does_not_come_back(campaign, name):
    outcome = campaign.slice(SEED, SLICE_S, replay=campaign.mended[name])
    assert not outcome.is_failed, campaign.explain(outcome)


class Broken(Campaign):
    """A campaign against a product in which a check is missing."""

    def slice(self, seed, seconds, plant="", replay=""):
        return super().slice(seed, seconds, plant or "spelling", replay)


def test_the_command_prints_seed_and_counts(capfd):
    assert run.main(["--budget", "0.01", "--jobs", "1", "--seed", str(SEED), "pas"]) == 0
    printed = capfd.readouterr().out.splitlines()
    assert printed[0] == f"seed {SEED}"
    assert printed[-1].startswith("fault.pass ") and printed[-1].endswith(" ok")
    assert int(printed[-1].split()[1]) > 100 and printed[-1].split()[2] == "texts"


def test_the_command_fails_with_an_input_that_shows_the_fault(capfd, monkeypatch):
    broken = [Broken(**vars(one)) for one in campaigns.CAMPAIGNS if one.name == "pass"]
    monkeypatch.setattr(campaigns, "CAMPAIGNS", broken)
    assert run.main(["--budget", "1", "--seed", str(SEED), "pass"]) == 1
    printed = capfd.readouterr().out
    assert "second spelling" in printed and printed.splitlines()[-1].endswith(" FAILED")
    case = printed.split("--replay ", 1)[1].split()[0]
    assert run.main(["--replay", case]) == 1
    monkeypatch.undo()
    assert run.main(["--replay", case]) == 0
    assert run.main(["--replay", "nothing"]) == run.main(["nothing"]) == 2
