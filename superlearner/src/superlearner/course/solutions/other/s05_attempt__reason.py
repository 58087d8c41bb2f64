import inspect

import otp

DONE = "attempt is done"


async def attempt(fn, *args, timeout=1):
    async def run():
        value = fn(*args)
        if inspect.isawaitable(value):
            value = await value
        otp.exit((DONE, value))

    pid, monitor = otp.spawn_monitor(run)
    try:
        message = await otp.receive(otp.Is(otp.Down, ref=monitor), timeout=timeout)
    except otp.ReceiveTimeout:
        otp.exit(pid, "kill")
        await otp.receive(monitor)
        return ("timeout", None)
    match message.reason:
        case (tag, value) if tag == DONE:
            return ("ok", value)
        case reason:
            return ("exit", reason)
