"""Shared foundations: data directory, certificates, loading of code, limits of the machine."""
