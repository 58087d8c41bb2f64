import inspect

import otp


async def attempt(fn, *args, timeout=1):
    me = otp.self()
    done = otp.make_ref()

    async def run():
        value = fn(*args)
        if inspect.isawaitable(value):
            value = await value
        otp.send(me, (done, value))

    def about_it(message):
        match message:
            case (ref, _) if ref == done:
                return True
            case otp.Down():
                return True
        return False

    pid, monitor = otp.spawn_monitor(run)
    try:
        match await otp.receive(about_it, timeout=timeout):
            case otp.Down(reason=reason):
                return ("exit", reason)
            case (_, value):
                return ("ok", value)
    except otp.ReceiveTimeout:
        otp.exit(pid, "kill")
        await otp.receive(monitor)
        return ("timeout", None)
    finally:
        otp.demonitor(monitor, flush=True)
