answer = {
    "card 1": "M12",
    "card 2": "M31",
    "card 3": "P3",
    "card 4": "M1",
    "card 5": "M24",
    "card 6": "P5",
    "card 7": "M6",
    "card 8": "M26",
    "card 9": "M11",
}
