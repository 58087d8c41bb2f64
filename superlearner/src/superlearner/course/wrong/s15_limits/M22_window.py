answer = {
    "mail": (3, 5),
    "sensor": (20, 60),
    "import": (1, 60),
}
