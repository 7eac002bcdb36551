"""Cuts while a board is flashed, as a campaign: supply or cable lost anywhere, then the same command again.

The board is bare, runs a stock image, or is a door that is to be erased. That a board which is half done and
starts is noticed is shown in tests/system/test_flashing.py.
"""

import random
import tempfile
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from altgate.provision.image import Region
from faults.slices import Campaign, Outcome
from support import flashing

MOST = 10_000  # cuts in a slice: the next seed's are others
STARTS = (None, flashing.make_stock, flashing.make_door)


@cache
def _wanted() -> list[Region]:
    with tempfile.TemporaryDirectory(prefix="altgate-faults-") as folder:
        return flashing.regions(Path(folder))


@dataclass(frozen=True)
class FlashCuts(Campaign):
    """Flashing a 64 KiB image through the real esptool, cut once in each run."""

    def slice(self, seed: int, seconds: float, plant: str = "", replay: str = "", cases: int = 0) -> Outcome:
        """Cut one run after the other until the time is up; ``replay`` is a case, ``cases`` the most."""
        began, cuts = time.monotonic(), 0
        first = int(replay) if replay else seed * MOST
        while True:
            case = first + cuts
            chance = random.Random(case)
            with tempfile.TemporaryDirectory(prefix="altgate-faults-") as folder:
                try:
                    flashing.cut_and_complete(Path(folder), _wanted(), chance, chance.choice(STARTS))
                except Exception as error:
                    kind, trace = "a board that is not completed", f"{type(error).__name__}: {error}"
                    return Outcome(seed, cases=cuts, frames=cuts, kind=kind, case=str(case), trace=trace)
            cuts += 1
            taken = time.monotonic() - began
            if replay or taken >= seconds or cuts in (cases, MOST):
                return Outcome(seed, cases=cuts, frames=cuts, repaired=cuts, genuine=cuts, seconds=taken)


CAMPAIGNS = (FlashCuts("flashing", "cuts", "", {}, bar=100),)
