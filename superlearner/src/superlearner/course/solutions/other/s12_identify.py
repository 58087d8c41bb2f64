answer = {
    "cache": "GenServer",
    "worker_pool": "DynamicSupervisor",
    "counter": "GenServer",
    "app_entry": "Application",
}
