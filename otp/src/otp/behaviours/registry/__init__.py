"""Registries: names and entries that end with their process."""
