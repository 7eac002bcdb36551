"""What a door needs of a renewal at all times; by itself, so that the rest of provisioning can be let go."""

LABEL = b"altgate/renewal/1"  # of the key of a renewal, and associated data of it
