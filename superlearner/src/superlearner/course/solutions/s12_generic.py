answer = {
    1: "generic",
    2: "generic",
    3: "specific",
    4: "specific",
    5: "generic",
    6: "specific",
    7: "specific",
    8: "specific",
    9: "generic",
    10: "generic",
}
