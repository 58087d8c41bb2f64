import otp


async def supervise(fn, limit=5):
    otp.process_flag("trap_exit", True)
    child, restarts = otp.spawn_link(fn), 0
    while True:
        match await otp.receive():
            case ("child", from_, ref):
                otp.send(from_, (ref, child))
            case ("restarts", from_, ref):
                otp.send(from_, (ref, restarts))
            case otp.ExitSignal(pid, reason) if pid == child:
                if reason in ("normal", "shutdown"):
                    child = None
                elif restarts == limit - 1:
                    otp.exit("too_many_restarts")
                else:
                    child, restarts = otp.spawn_link(fn), restarts + 1
            case "stop":
                if child is not None:
                    otp.exit(child, "shutdown")
                    await otp.receive(lambda message: isinstance(message, otp.ExitSignal) and message.pid == child)
                return
