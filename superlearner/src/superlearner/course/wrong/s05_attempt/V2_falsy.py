import asyncio

import otp


async def attempt(fn, *args, timeout=1):
    result = None

    async def run():
        nonlocal result
        value = fn(*args)
        if asyncio.iscoroutine(value):
            value = await value
        result = value

    pid, monitor = otp.spawn_monitor(run)
    try:
        down = await otp.receive(monitor, timeout=timeout)
    except otp.ReceiveTimeout:
        otp.exit(pid, "kill")
        otp.demonitor(monitor, flush=True)
        return "timeout", None
    if result:
        return "ok", result
    return "exit", down.reason
