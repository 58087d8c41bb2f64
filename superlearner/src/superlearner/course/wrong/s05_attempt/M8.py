import inspect

import otp


async def attempt(fn, *args, timeout=1):
    me, ref = otp.self(), otp.make_ref()

    async def run():
        value = fn(*args)
        if inspect.isawaitable(value):
            value = await value
        otp.send(me, (ref, value))

    pid = otp.spawn_link(run)
    try:
        _, value = await otp.receive(ref, timeout=timeout)
    except otp.ReceiveTimeout:
        otp.unlink(pid)
        otp.exit(pid, "kill")
        return ("timeout", None)
    return ("ok", value)
