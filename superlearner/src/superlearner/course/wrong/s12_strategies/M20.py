answer = {
    "agents": "one_for_all",
    "pipeline": "rest_for_one",
    "connections": "rest_for_one",
}
