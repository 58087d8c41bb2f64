"""The engine: the registry of operations, and one way to run them, here or on another node."""
