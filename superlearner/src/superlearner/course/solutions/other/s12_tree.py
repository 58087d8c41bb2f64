# The same tree by indentation, with strategies in brackets.
drawing = """
System (rest_for_one)
  StateStore
  Workers (one_for_one)
    Mail
    Search
    Report
  Agents (dynamic)
    Ann
    Bob
"""
disturbed = {"worker": 1, "temporary": 1, "pool": 3, "store": 8}
