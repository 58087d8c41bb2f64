answer = {
    "agents": "one_for_one",
    "pipeline": "rest_for_one",
    "connections": "nested",
    "codec": "rest_for_one",
    "log": "one_for_one",
}
