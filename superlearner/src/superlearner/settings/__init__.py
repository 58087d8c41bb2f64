"""Settings: their sources, and changes while the platform runs."""
