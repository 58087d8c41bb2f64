times = [0, 2, 4, 6]
