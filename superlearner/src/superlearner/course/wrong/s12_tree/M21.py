drawing = """
Root
    WorkerSup
        W1
        W2
        W3
    DynamicSupervisor
        A1
        A2
    Store
"""
disturbed = {"worker": 1, "temporary": 1, "pool": 3, "store": 8}
