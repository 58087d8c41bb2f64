"""Checks of exercises: the answer of a learner, and what is demanded of it, run together in a child."""
