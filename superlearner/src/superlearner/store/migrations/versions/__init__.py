"""One file per step. A released step never changes: a database that has it would not run it again."""
