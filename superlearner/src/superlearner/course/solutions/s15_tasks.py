from otp import Supervisor, TaskOk, TaskSupervisor


async def fetch_all(items, fetch, timeout):
    supervisor = await TaskSupervisor.start_link()
    stream = TaskSupervisor.async_stream_nolink(
        supervisor, items, fetch, max_concurrency=8, timeout=timeout, on_timeout="kill_task"
    )
    async with stream as results:
        outcomes = [outcome async for outcome in results]
    await Supervisor.stop(supervisor)
    return [
        ("ok", outcome.value) if isinstance(outcome, TaskOk) else ("failed", item)
        for item, outcome in zip(items, outcomes, strict=True)
    ]
