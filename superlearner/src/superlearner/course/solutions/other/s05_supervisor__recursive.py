import otp


async def supervise(fn, limit=5):
    otp.process_flag("trap_exit", True)
    await loop(fn, limit, {"child": otp.spawn_link(fn), "restarts": 0})


async def loop(fn, limit, state):
    while True:
        match await otp.receive():
            case ("child" | "restarts" as what, from_, ref):
                otp.send(from_, (ref, state[what]))
            case otp.ExitSignal(pid=pid, reason="normal" | "shutdown") if pid == state["child"]:
                state = state | {"child": None}
            case otp.ExitSignal(pid=pid) if pid == state["child"]:
                if state["restarts"] == limit:
                    raise otp.Exit("too_many_restarts")
                return await loop(fn, limit, {"child": otp.spawn_link(fn), "restarts": state["restarts"] + 1})
            case "stop":
                if state["child"]:
                    otp.exit(state["child"], "shutdown")
                return None
