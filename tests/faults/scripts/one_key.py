"""Keys of the link that never renew, for what is about everything else."""

from altgate.link.keys import Unfit
from protocol import reasons


class Keys:
    """What a session asks of link.keys.LinkKeys, which test_renewals.py is about."""

    generation = 0

    def __init__(self, door_id, up_key, down_key):
        self.door_id, self.up_key, self.down_key = door_id, up_key, down_key

    async def take(self, sealed):
        raise Unfit(reasons.BAD_MAC)

    async def confirmed(self):
        """There is only one generation."""
