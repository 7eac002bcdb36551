"""What a hostile broker can do to a door's session, as a campaign: scripts/fuzz_replays.py."""

from faults.campaigns import MAC
from faults.slices import Campaign, Plant

_SESSION = "altgate.link.session"

CAMPAIGNS = (
    Campaign(
        "replays", "deliveries", "4m",
        {
            "mac": MAC,
            "topic": Plant(
                _SESSION,
                "            fields = cose.open_(self.keys.down_key, topic.encode(), payload)\n",
                "            for one in topics.DOWN:\n"
                "                try:\n"
                "                    sealed_for = topics.topic(door_id, one).encode()\n"
                "                    fields = cose.open_(self.keys.down_key, sealed_for, payload)\n"
                "                    break\n"
                "                except cose.CoseError as error:\n"
                "                    why = error\n"
                "            else:\n"
                "                raise why\n",
            ),
            "door": Plant(_SESSION, "if door_id == self.keys.door_id else None", ""),
            "epoch": Plant(_SESSION, "if is_stale and name != topics.DOWN_COMMAND:", "if False:"),
            "epoch of commands": Plant(
                _SESSION, "if not consteq.consteq(fields[messages.EPOCH], self.epoch):", "if False:"
            ),
            "nonce of the welcome": Plant(
                _SESSION,
                "if self._nonce is None or not consteq.consteq(nonce, self._nonce):",
                "if self._nonce is None:",
            ),
            "challenge": Plant(_SESSION, "if not consteq.consteq(given, challenge[0]):", "if False:"),
            "challenge is spent": Plant(
                _SESSION,
                "challenge, self._challenge = self._challenge, None",
                "challenge = self._challenge",
            ),
            "version": Plant(
                "altgate.store.credentials",
                "if base != self.version and not is_snapshot or new <= self.version:",
                "if False:",
            ),
            "nonce of the lease": Plant("altgate.consent.lease", " or nonce != asked[0]", ""),
            "state of the consent": Plant(
                "altgate.consent.gate",
                "if row is None or row.state != acked or row.acked == acked:",
                "if row is None or row.acked == acked:",
            ),
            "retained": Plant("altgate.link.uplink", "if retain:", "if False:"),
        },
        bar=10**6,
    ),
)  # fmt: skip
