"""The register: doors, residents, credentials, passes, and the numbered operations that reach the doors."""
