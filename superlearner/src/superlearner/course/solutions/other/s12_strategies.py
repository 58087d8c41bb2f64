answer = {
    "agents": "one_for_one",
    "pipeline": "rest_for_one",
    "connections": "one_for_all",
    "needless": {"connections": "the ConnectionManager"},
}
