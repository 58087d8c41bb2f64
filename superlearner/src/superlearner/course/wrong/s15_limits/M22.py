answer = {
    "mail": (1000, 5),
    "sensor": (20, 10),
    "import": (1, 60),
}
