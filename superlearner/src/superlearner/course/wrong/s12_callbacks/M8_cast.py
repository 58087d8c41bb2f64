answer = {
    "get_state": "handle_call",
    "remember": "handle_cast",
    "DOWN": "handle_cast",
    "stop": "terminate",
}
