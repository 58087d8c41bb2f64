answer = {
    "state": "init",
    "receive": "the library",
    "silence": "the library",
    "stop": "the library",
    "get_state": "handle_cast",
    "remember": "handle_cast",
    "forget_all": "handle_cast",
    "recall": "handle_cast",
    "receive_task": "handle_cast",
    "answer": "the library",
}
