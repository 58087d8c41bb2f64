answer = {
    "mail": (3, 5),
    "sensor": (3, 5),
    "import": (1, 60),
}
