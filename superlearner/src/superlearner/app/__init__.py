"""The program: its root supervision tree, its start and its end."""
