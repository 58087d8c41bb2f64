from otp import Task, TaskOk, TaskSupervisor


async def fetch_all(items, fetch, timeout):
    supervisor = await TaskSupervisor.start_link()
    results = []
    for begin in range(0, len(items), 8):
        batch = items[begin : begin + 8]
        tasks = [await TaskSupervisor.async_nolink(supervisor, fetch, item) for item in batch]
        for item, task in zip(batch, tasks, strict=True):
            match await Task.yield_(task, timeout):
                case TaskOk(value):
                    results.append(("ok", value))
                case _:
                    results.append(("failed", item))
    return results
