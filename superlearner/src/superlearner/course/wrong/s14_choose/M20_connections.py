answer = {
    "agents": "one_for_one",
    "pipeline": "rest_for_one",
    "connections": "one_for_all",
    "codec": "one_for_all",
    "log": "one_for_one",
}
