answer = {
    1: "generic",
    2: "generic",
    3: "generic",
    4: "specific",
    5: "specific",
    6: "generic",
    7: "specific",
    8: "specific",
    9: "specific",
    10: "generic",
    11: "generic",
}
