"""Templates for sandboxes: complete programs that say what to try."""
