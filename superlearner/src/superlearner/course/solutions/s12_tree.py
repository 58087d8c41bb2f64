drawing = """
Root (rest_for_one)
  Store
  WorkerSup (one_for_one)
    Worker 1
    Worker 2
    Worker 3
  Pool (dynamic)
    Agent 1
    Agent 2
"""
disturbed = {"worker": 1, "temporary": 1, "pool": 3, "store": 8}
