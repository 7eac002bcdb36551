"""Residents choose: notices, the record of each consent, and the links to the residents' own page."""
