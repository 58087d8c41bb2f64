"""The content of live pages, as frames and deltas."""
