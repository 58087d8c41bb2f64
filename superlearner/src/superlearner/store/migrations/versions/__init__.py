"""One step a file. A released step never changes: who has run it would not run it again."""
