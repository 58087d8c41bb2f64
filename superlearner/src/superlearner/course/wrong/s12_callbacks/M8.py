answer = {
    "get_state": "handle_call",
    "remember": "handle_cast",
    "DOWN": "terminate",
    "stop": "terminate",
}
