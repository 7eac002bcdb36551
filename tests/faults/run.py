"""``make campaign BUDGET=minutes``: parsers, links, flash and power with faults; exits 1 on a failure.

Names given as arguments choose campaigns by how they begin (``pn532``, ``c``).
"""

import argparse
import os
import secrets
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime

from conftest import ROOT
from faults import cable, campaigns, flash, flashing, hostile, power, schedules, slices
from faults.slices import Campaign, Outcome

PAGE = ROOT / "docs" / "campaigns.md"
SLICE_S = 20.0
SLICES_AT_LEAST = 4  # so that seeds move on within a short budget, too
FEW_S = 1.0


@dataclass
class Tally:
    """What was done of one campaign, and the seconds that were given to it, those under way included."""

    campaign: Campaign
    given_s: float = 0.0
    frames: int = 0
    repaired: int = 0
    reboots: int = 0
    fault: str = ""

    def add(self, outcome: Outcome) -> None:
        """Count a slice."""
        self.frames += outcome.frames
        self.repaired += outcome.repaired
        self.reboots += outcome.reboots
        if outcome.is_failed:
            self.fault = self.campaign.explain(outcome)
        elif 2 * self.repaired < self.frames:
            self.fault = (
                f"{self.campaign.name} FAILED: fewer than half of its frames had a right length and code"
            )

    @property
    def rank(self) -> tuple[bool, float]:
        """Who comes next: the bar not reached, then the least time given."""
        return self.frames >= self.campaign.bar, self.given_s

    def __str__(self) -> str:
        bar = f"bar {self.campaign.bar} in a whole campaign, none failing"
        state = "FAILED" if self.fault else "ok"
        over = f" over {self.reboots} reboots" if self.reboots else ""
        return f"fault.{self.campaign.name} {self.frames} {self.campaign.unit}{over} ({bar}) {state}"


def _share(tallies: list[Tally], budget_s: float, seed: int, jobs: int) -> None:
    """Run slices until the budget is spent; each campaign gets one at least, unless another has failed."""
    began, waiting = time.monotonic(), {}
    slice_s = min(SLICE_S, max(FEW_S, budget_s * jobs / len(tallies) / SLICES_AT_LEAST))
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while True:
                left_s = budget_s - (time.monotonic() - began)
                open_ = [one for one in tallies if not one.fault and (left_s > 0 or not one.given_s)]
                while open_ and len(waiting) < jobs:
                    tally = min(open_, key=lambda one: one.rank)
                    length_s = min(slice_s, max(left_s, FEW_S))
                    tally.given_s += length_s
                    waiting[pool.submit(tally.campaign.slice, seed, length_s)] = tally
                    seed += 1
                    open_ = [one for one in open_ if left_s > 0 or not one.given_s]
                if not waiting:
                    return
                for done in wait(waiting, return_when=FIRST_COMPLETED).done:
                    _note(waiting.pop(done), done)
        except BaseException:
            slices.stop()
            raise


def _note(tally: Tally, done: Future[Outcome]) -> None:
    outcome = done.result()
    tally.add(outcome)
    rate = outcome.frames / max(outcome.seconds, 0.001)
    unit = tally.campaign.unit
    print(
        f"{tally.campaign.name} seed {outcome.seed}: {outcome.frames:,} {unit}, {rate:,.0f} a second, "
        f"{tally.frames:,} in all",
        flush=True,
    )
    if tally.fault:
        print(tally.fault, flush=True)


def page(tallies: list[Tally], seed: int) -> str:
    """docs/campaigns.md after a run; campaigns that were not in it keep the row of their last."""
    rows = {}
    if PAGE.exists():
        lines = PAGE.read_text(encoding="utf-8").splitlines()
        rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    when = f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}"
    for tally in tallies:
        one, state = tally.campaign, "**failed**" if tally.fault else "none failed"
        tried = f"{tally.frames:,}" + (f" over {tally.reboots:,} reboots" if tally.reboots else "")
        rows[one.name] = f"| `{one.name}` | {tried} | {one.bar:,} {one.unit} | {state} | {when} |"
    head = [
        "# Campaigns",
        "",
        "Made by `make campaign BUDGET=minutes WRITE=1`. Each input is drawn anew; one that shows a fault is",
        "printed with what repeats it. A row with less than a whole campaign was given less time.",
        "",
        "| campaign | tried | a whole campaign | | run |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in chosen_of([]):
        head.append(rows.get(one.name, f"| `{one.name}` | 0 | {one.bar:,} {one.unit} | not run yet | |"))
    return "\n".join(head) + "\n"


def _replay(text: str) -> int:
    """Play one case; returns the exit code."""
    name, _, case = text.partition(":")
    found = [one for one in _known() if one.name == name]
    if not found or not case:
        print("--replay takes a campaign's name, a colon and a case, as a failure prints.", file=sys.stderr)
        return 2
    outcome = found[0].slice(0, FEW_S, replay=case)
    print(found[0].explain(outcome) if outcome.is_failed else f"{name}: this case is handled as it should be")
    return int(outcome.is_failed)


def _known() -> tuple[Campaign, ...]:
    link = (*hostile.CAMPAIGNS, *schedules.CAMPAIGNS)
    at_cable = (*flashing.CAMPAIGNS, cable.CAMPAIGN)
    return (*campaigns.CAMPAIGNS, *link, *flash.CAMPAIGNS, *power.CAMPAIGNS, *at_cable)


def chosen_of(names: list[str]) -> list[Campaign]:
    """The campaigns whose names begin with one of these; all where there is none."""
    return [one for one in _known() if not names or one.name.startswith(tuple(names))]


def main(arguments: list[str]) -> int:
    """Run the chosen campaigns; returns the exit code."""
    parser = argparse.ArgumentParser(prog="make campaign", description=__doc__.splitlines()[0])
    parser.add_argument("--budget", type=float, default=10, help="minutes for all campaigns together")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(slices.SEEDS))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="slices at a time")
    parser.add_argument("--write", action="store_true", help="put the counts into docs/campaigns.md")
    parser.add_argument("--replay", default="", metavar="NAME:CASE", help="play one case instead")
    parser.add_argument("names", nargs="*", help="campaigns, by how their names begin")
    chosen = parser.parse_args(arguments)
    if chosen.replay:
        return _replay(chosen.replay)
    tallies = [Tally(one) for one in chosen_of(chosen.names)]
    if not tallies:
        print(f"No campaign begins with {' or '.join(chosen.names)}.", file=sys.stderr)
        return 2
    print(f"seed {chosen.seed}", flush=True)
    code = 0
    try:
        _share(tallies, chosen.budget * 60, chosen.seed, chosen.jobs)
    except KeyboardInterrupt:
        print("interrupted; what was done so far:", flush=True)
        code = 130
    for tally in tallies:
        print(tally, flush=True)
    if chosen.write:
        PAGE.write_text(page(tallies, chosen.seed), encoding="utf-8")
    return 1 if any(tally.fault for tally in tallies) else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
