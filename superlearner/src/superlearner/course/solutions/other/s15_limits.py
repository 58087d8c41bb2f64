answer = {"mail": (5, 8), "sensor": (10, 1), "import": (1, 30)}
