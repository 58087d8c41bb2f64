drawing = """
            Root (rest_for_one)
     +-------------+--------------+
   Store       WorkerSup     DynamicSupervisor
              +----+----+       +----+
              W1   W2   W3      A1   A2
"""
disturbed = {"worker": 1, "temporary": 1, "pool": 3, "store": 8}
