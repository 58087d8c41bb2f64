MINUTE = 60
answer = {}
answer["mail"] = [10, 1]
answer["sensor"] = [15, 2.5]
answer["import"] = [1, 0.5 * MINUTE]
