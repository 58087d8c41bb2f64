answer = {30, 32, 44}
