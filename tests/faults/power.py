"""Power cuts as campaigns: the cut scripts of tests/device, over and over with seeds that move on.

Each run plays a store's workload with the supply cut at many of its flash operations, in three ways. That the
scripts notice a planted bug is shown in tests/device, where they run with their controls. ENROLMENT is of a
board that becomes a door: a case of it is one cut, and it has its controls here.
"""

import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from conftest import ROOT, Device
from faults.slices import Campaign, Outcome, Plant

CUTS = 25_000  # of each
TIMEOUT_S = 300


@dataclass(frozen=True)
class Cuts(Campaign):
    """One script that prints ``cuts N``; ``amount``: its own measure of how much to do."""

    script: str = ""
    amount: int = 1

    def slice(self, seed: int, seconds: float, plant: str = "", replay: str = "") -> Outcome:
        """Run the script once, however long that takes; ``replay`` is a seed."""
        began = time.monotonic()
        seed = int(replay or seed)
        with tempfile.TemporaryDirectory(prefix="altgate-faults-") as folder:
            given = [str(Path(folder) / "flash.bin"), str(seed), str(self.amount), "plain"]
            try:
                done = Device().run(
                    ROOT / "tests/device/scripts" / self.script, heap="4m", args=given, timeout=TIMEOUT_S
                )
            except (AssertionError, subprocess.TimeoutExpired) as error:
                trace = str(error)[-2000:]
                return Outcome(seed, kind="a cut that is not survived", case=str(seed), trace=trace)
        cuts = int(done.stdout.split()[-1])
        taken = time.monotonic() - began
        return Outcome(seed, cases=1, frames=cuts, repaired=cuts, genuine=cuts, seconds=taken)


ENROLMENT = Campaign(
    "power_enrolment", "cuts", "4m",
    {
        "journal's key last": Plant(
            "altgate.store.enrolment",
            "    door.journal_keys.set(journal_key)\n    identity.save(page, content)",
            "    identity.save(page, content)\n    door.journal_keys.set(journal_key)",
        ),
        "in the clear": Plant(
            "altgate.store.enrolment",
            "files.write(identity.ENROLMENT, siv.seal(wrap, cbor.encode(kept), _ASSOCIATED))",
            "files.write(identity.ENROLMENT, cbor.encode(kept))",
        ),
        "in place": Plant("altgate.store.files", 'temporary = path + ".new"', "temporary = path"),
        "another wrapping key": Plant(
            "altgate.store.enrolment",
            "wrap = identity.wrapping_key(page) or identity.make_wrapping_key(page)",
            "wrap = identity.make_wrapping_key(page)",
        ),
        "other keys": Plant(
            "altgate.store.enrolment", "kept = dict(before.kept)", "kept = await _keys(ticket, digest)"
        ),
        "left behind": Plant(
            "altgate.store.identity",
            "        os.remove(ENROLMENT)",
            "        pass",
        ),
        "half made": Plant(
            "altgate.board",
            'if first != b"\\xff" * 64 and not is_first_start:',
            'if first != b"\\xff" * 64:',
        ),
    },
    bar=2000,
)  # fmt: skip

CUTS_CAMPAIGNS = tuple(
    Cuts(f"power_{name}", "cuts", "4m", {}, bar=CUTS, script=script, amount=amount)
    for name, script, amount in (
        ("counters_and_journal", "store_cuts.py", 5),
        ("state", "state_cuts.py", 1),
        ("key_page", "vault_slots.py", 40),
        ("templates", "vault_cuts.py", 40),
        ("update", "update_cuts.py", 2),
        ("erasure", "erasure_cuts.py", 5),
    )
)
CAMPAIGNS: tuple[Campaign, ...] = (*CUTS_CAMPAIGNS, ENROLMENT)
