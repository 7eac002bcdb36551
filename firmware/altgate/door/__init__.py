"""The strike and what is watched around it; knows nothing of credentials."""
