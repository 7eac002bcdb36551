"""What outlives a power cut: settings, credentials, attempts, journal."""
