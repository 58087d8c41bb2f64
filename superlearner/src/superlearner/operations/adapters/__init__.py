"""The doors to the operations."""
