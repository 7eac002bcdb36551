"""Schedules of faults of the link, with real firmware, host and broker: scripts/fuzz_link.py."""

import os
from dataclasses import dataclass, field

from conftest import ROOT
from faults.slices import Campaign, Outcome, Plant

SCHEDULES = 1000
CONTROL_S = 20.0


@dataclass(frozen=True)
class Schedules(Campaign):
    """``device_plants``: faults of the firmware, which runs in a process of its own. ``shows``: for each
    fault a schedule in which it shows."""

    device_plants: dict[str, Plant] = field(default_factory=dict)
    shows: dict[str, str] = field(default_factory=dict)

    def control(self, name: str) -> Outcome:
        """The schedule that shows a planted fault."""
        return self.slice(0, CONTROL_S, plant=name, replay=self.shows[name])

    def _settings(self, plant: str) -> dict[str, object]:
        device = [tuple(vars(self.device_plants[plant]).values())] if plant in self.device_plants else []
        host = [tuple(vars(self.plants[plant]).values())] if plant in self.plants else []
        return {"plants": host, "device_plants": device}

    def _command(self) -> tuple[list[str], dict[str, str]]:
        command, environment = super()._command()
        paths = (str(ROOT / "tests"), environment.get("PYTHONPATH", ""))
        return command, {**environment, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _times(what: str, count: int) -> str:
    """The same every 100 ms."""
    return ",".join(f"{what}{4 + 10 * number:02x}0000" for number in range(count))


CAMPAIGNS = (
    Schedules(
        "link", "schedules", "",
        {
            "stored after the acknowledgement": Plant(
                "altgate.link.inbox",
                "        answers = handler(_Message(site, session, door, orders, content, data))\n",
                "        answers = handler(_Message(site, session, door, orders, content, data))\n"
                "        late = vars(orders).setdefault('late', set())\n"
                "        if content.get(messages.KIND) == messages.KIND_ENTRY and data not in late:\n"
                "            import threading\n"
                "            session.rollback()\n"
                "            late.add(data)\n"
                "            threading.Timer(0.5, receive, (site, orders, topic, data)).start()\n",
            ),
            "acknowledged over a hole": Plant(
                "altgate.link.starts", "if event.sequence != door.acked_sequence + 1:", "if False:"
            ),
            "an ended consent is enrolled": Plant(
                "altgate.consent.states",
                "        if is_in_force(consent):\n            consent.state = state",
                "        consent.state = state",
            ),
        },
        {
            "resent only where it is quiet": (
                "ff,001c6b3e,09406957,07463498,0547af56,054aee04,0253f286,0a5a2e51,03723b1a,047568c1"
            ),
        },
        bar=SCHEDULES,
        device_plants={
            "what the broker acknowledged is let go": Plant(
                "altgate.link.uplink",
                "    def _room(self, token):\n",
                "    def _room(self, token):\n        self._journal.acknowledge(self._sent)\n",
            ),
            "an unlock acts twice": Plant(
                "altgate.link.session",
                "        self._unlock()\n",
                "        self._unlock()\n        self._unlock()\n",
            ),
            "hello is said once": Plant(
                "altgate.link.uplink", "            if not self._answers:\n", "            if False:\n"
            ),
        },
        shows={
            "stored after the acknowledgement": "fe,00000000,08200000",
            "acknowledged over a hole": "ff,0f004061," + _times("02", 11),
            "an ended consent is enrolled": "ff,05000200,103c0260,053d0300,05410000,02e00000",
            "what the broker acknowledged is let go": "fe,0800001d,00050000,0820001d,07280027",
            "an unlock acts twice": "fe,03000000,02500000",
            "hello is said once": "fe,0800001d,0a020013,07040000,081e001d,083c001d",
        },
    ),
)  # fmt: skip
