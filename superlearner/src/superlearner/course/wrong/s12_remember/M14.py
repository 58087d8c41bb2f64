answer = {"confirmation", "back-pressure", "other reader", "own later call"}
