import otp


async def pool(worker, n):
    otp.process_flag("trap_exit", True)
    is_out = {otp.spawn_link(worker): False for _ in range(n)}
    while (message := await otp.receive()) != "stop":
        match message:
            case ("get_available", from_, ref):
                pid = next((pid for pid, out in is_out.items() if not out), None)
                if pid:
                    is_out[pid] = True
                otp.send(from_, (ref, pid))
            case ("give_back", pid):
                if pid in is_out:
                    is_out[pid] = False
            case otp.ExitSignal(pid=pid):
                if is_out.pop(pid, None) is not None:
                    is_out[otp.spawn_link(worker)] = False
    for pid in is_out:
        otp.exit(pid, "kill")
