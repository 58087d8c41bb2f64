"""Sandboxes: nodes of their own, in programs of their own, for code that may do anything."""
