"""What brings frames from node to node. A carrier promises little: `Session` makes the rest of it."""
