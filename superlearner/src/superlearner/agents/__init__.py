"""A small framework of agents, for the course: `by_hand`, with processes and messages alone."""
