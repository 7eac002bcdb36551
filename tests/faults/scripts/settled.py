"""What is about everything else has keys of the link that never renew, and residents who are all enrolled."""

from altgate.store.draft import Refused
from protocol import reasons


class Keys:
    """What a session asks of link.keys.LinkKeys, which test_renewals.py is about."""

    generation = 0

    def __init__(self, door_id, up_key, down_key):
        self.door_id, self.up_key, self.down_key = door_id, up_key, down_key

    async def take(self, sealed):
        raise Refused(reasons.BAD_MAC)

    async def confirmed(self):
        """There is only one generation."""


class Templates:
    """As if everybody were enrolled, so that only the gate stands before a face."""

    damaged = 0

    def has(self, consent):
        return True

    def erase(self, consent):
        """Nothing is there."""

    def keep_only(self, consents):
        """Nothing is there."""
