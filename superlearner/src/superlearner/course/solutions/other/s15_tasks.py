import otp
from otp import Supervisor, Task, TaskOk, TaskSupervisor


async def fetch_all(items, fetch, timeout):
    supervisor = await TaskSupervisor.start_link()
    results = []
    for begin in range(0, len(items), 8):
        batch = items[begin : begin + 8]
        tasks = [await TaskSupervisor.async_nolink(supervisor, fetch, item) for item in batch]
        deadline = otp.monotonic() + timeout
        for item, task in zip(batch, tasks, strict=True):
            left = max(deadline - otp.monotonic(), 0)
            match await Task.yield_(task, left) or await Task.shutdown(task, "brutal_kill"):
                case TaskOk(value):
                    results.append(("ok", value))
                case _:
                    results.append(("failed", item))
    await Supervisor.stop(supervisor)
    return results
