answer = {
    "agents": "one_for_all",
    "pipeline": "rest_for_one",
    "connections": "nested",
    "codec": "one_for_all",
    "log": "one_for_one",
}
