"""What live pages show, as frames and deltas."""
