"""Templates: sealed, matched and erased. Nothing here leaves the door."""
