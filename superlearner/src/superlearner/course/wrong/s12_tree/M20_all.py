drawing = """
Root (one_for_all)
    Store
    WorkerSup
        W1
        W2
        W3
    DynamicSupervisor
        A1
        A2
"""
disturbed = {"worker": 1, "temporary": 1, "pool": 8, "store": 8}
