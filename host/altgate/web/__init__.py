"""The residents' page: what each has, what they chose, and taking it back with one click."""
