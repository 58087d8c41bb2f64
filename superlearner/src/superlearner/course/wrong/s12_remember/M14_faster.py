answer = {"confirmation", "back-pressure", "other reader", "faster"}
