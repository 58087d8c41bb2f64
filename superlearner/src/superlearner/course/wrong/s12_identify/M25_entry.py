answer = {
    "cache": "GenServer",
    "worker_pool": "DynamicSupervisor",
    "counter": "Agent",
    "app_entry": "Supervisor",
}
