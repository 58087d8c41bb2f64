import inspect

import otp

result = []


async def attempt(fn, *args, timeout=1):
    global result
    result = []

    async def run():
        value = fn(*args)
        if inspect.isawaitable(value):
            value = await value
        result.append(value)

    pid, monitor = otp.spawn_monitor(run)
    try:
        down = await otp.receive(monitor, timeout=timeout)
        return ("ok", result[0]) if result else ("exit", down.reason)
    except otp.ReceiveTimeout:
        otp.exit(pid, "kill")
        await otp.receive(monitor)
        return ("timeout", None)
    finally:
        otp.demonitor(monitor, flush=True)
