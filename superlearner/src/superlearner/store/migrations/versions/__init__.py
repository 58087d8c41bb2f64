"""Migrations, one file per step. A released step never changes."""
