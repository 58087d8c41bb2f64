import otp


async def supervise(fn, limit=5):
    otp.process_flag("trap_exit", True)
    child, restarts = otp.spawn(fn), 0
    monitor = otp.monitor(child)
    while True:
        match await otp.receive():
            case ("child", from_, ref):
                otp.send(from_, (ref, child))
            case ("restarts", from_, ref):
                otp.send(from_, (ref, restarts))
            case otp.Down(ref, _, reason) if ref == monitor:
                if reason in ("normal", "shutdown"):
                    child = None
                elif restarts == limit:
                    otp.exit("too_many_restarts")
                else:
                    child, restarts = otp.spawn(fn), restarts + 1
                    monitor = otp.monitor(child)
            case "stop":
                if child is not None:
                    otp.exit(child, "shutdown")
                    await otp.receive(monitor)
                return
