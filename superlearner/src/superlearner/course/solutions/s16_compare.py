answer = {
    "lines_by_hand": 450,
    "lines_with_otp": 150,
    "needless_by_hand": 0,
    "needless_with_otp": 4,
}
