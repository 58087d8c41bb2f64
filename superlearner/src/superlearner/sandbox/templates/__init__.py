"""Sources to start from: each is a whole program with a tree, its docstring says what to try."""
