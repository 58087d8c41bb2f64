answer = {
    "cache": "GenServer",
    "worker_pool": "GenServer",
    "counter": "Agent",
    "app_entry": "Application",
}
