import otp


async def pool(worker, n):
    free = [otp.spawn_link(worker) for _ in range(n)]
    out = []
    while True:
        match await otp.receive():
            case ("get_available", from_, ref):
                pid = free.pop(0) if free else None
                if pid is not None:
                    out.append(pid)
                otp.send(from_, (ref, pid))
            case ("give_back", pid) if pid in out:
                out.remove(pid)
                free.append(pid)
            case otp.ExitSignal(pid, _) if pid in free or pid in out:
                (free if pid in free else out).remove(pid)
                free.append(otp.spawn_link(worker))
            case "stop":
                for pid in free + out:
                    otp.exit(pid, "shutdown")
                return
