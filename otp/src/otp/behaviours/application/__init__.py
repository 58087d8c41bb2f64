"""Applications: a supervision tree with its start, stop and settings."""
