answer = {
    "get_state": "handle_cast",
    "remember": "handle_call",
    "DOWN": "handle_info",
    "stop": "terminate",
}
