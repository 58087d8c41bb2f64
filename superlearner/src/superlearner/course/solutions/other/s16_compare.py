answer = dict.fromkeys(("lines_by_hand", "lines_with_otp", "needless_by_hand", "needless_with_otp"), 100)
