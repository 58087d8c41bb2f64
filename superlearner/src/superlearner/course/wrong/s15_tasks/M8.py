from otp import Task


async def fetch_all(items, fetch, timeout):
    results = []
    for begin in range(0, len(items), 8):
        batch = items[begin : begin + 8]
        tasks = [(item, Task.async_(fetch, item)) for item in batch]
        for item, task in tasks:
            try:
                results.append(("ok", await Task.await_(task, timeout)))
            except Exception:
                results.append(("failed", item))
    return results
