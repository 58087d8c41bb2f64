"""Restarts: one fold of the events of supervisors, and what is read from it."""
