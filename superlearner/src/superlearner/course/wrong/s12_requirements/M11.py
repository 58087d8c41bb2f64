answer = {
    "high availability": "supervision and restarts",
    "fault tolerance": "catching every exception",
    "hot code upgrades": "code_change while the server is suspended",
    "concurrent connections": "one cheap process each",
}
