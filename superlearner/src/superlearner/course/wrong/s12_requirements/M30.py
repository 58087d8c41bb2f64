answer = {
    "high availability": "supervision and restarts",
    "fault tolerance": "isolated processes, links and monitors",
    "hot code upgrades": "importing the module again",
    "concurrent connections": "one cheap process each",
}
