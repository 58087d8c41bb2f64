answer = {
    "agents": "one_for_one",
    "pipeline": "rest_for_one",
    "connections": "rest_for_one",
    "codec": "one_for_all",
    "log": "one_for_one",
}
