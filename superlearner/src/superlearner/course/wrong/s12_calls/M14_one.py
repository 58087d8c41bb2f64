answer = {
    "get_agent_state": "call",
    "remember_fact": "call",
    "send_task": "cast",
    "process_next": "call",
    "broadcast_shutdown": "cast",
}
