"""The content of live pages as snapshots and deltas."""
