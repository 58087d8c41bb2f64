"""Observation of a node: events, restarts, metrics, messages, logs."""
