"""Interfaces to the operations: command line, console and AI clients."""
