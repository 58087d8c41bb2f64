"""Settings: where they come from, and their changes while the platform runs."""
