answer = {"confirmation", "back-pressure", "other reader"}
