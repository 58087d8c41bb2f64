answer = {
    "high availability": "supervision and restarts",
    "fault tolerance": "isolated processes, links and monitors",
    "hot code upgrades": "code_change while the server is suspended",
    "concurrent connections": "one cheap process each",
}
