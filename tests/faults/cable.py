"""The cable of a laptop that is lost in the middle, on the simulated board: scripts/fuzz_cable.py.

SHOWS: for each planted fault a case that shows it; a case takes seconds.
"""

from faults.slices import Campaign, Plant

SHOWS = {"half a line": "000701", "another ticket": "001300"}
CAMPAIGN = Campaign(
    "cable", "cuts", "",
    {
        "half a line": Plant(
            "altgate.provision.session",
            "if frame[0] == p.FRAME_ERROR and kind != p.FRAME_HELLO:",
            "if frame[0] == p.FRAME_ERROR:",
        ),
        "another ticket": Plant(
            "altgate.provision.direct", "if bare or row is None or open_ticket is None:", "if True:"
        ),
    },
    bar=200,
)  # fmt: skip
