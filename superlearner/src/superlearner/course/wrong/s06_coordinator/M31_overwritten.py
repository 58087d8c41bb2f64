import otp


async def coordinator(worker, n):
    otp.process_flag("trap_exit", True)
    free = [otp.spawn_link(worker) for _ in range(n)]
    busy = {}  # the reference of each task that was handed out: (pid, place)
    runs = []  # (payloads, from_, ref), the oldest first
    todo, results = [], {}

    while True:
        match await otp.receive():
            case ("run", payloads, from_, ref):
                runs.append((tuple(payloads), from_, ref))
                todo, results = list(range(len(payloads))), {}
            case otp.ExitSignal(pid):
                lost = [ref for ref, (at, _) in busy.items() if at == pid]
                if lost or pid in free:
                    todo = [busy.pop(ref)[1] for ref in lost] + todo
                    free = [each for each in free if each != pid] + [otp.spawn_link(worker)]
            case (ref, result) if ref in busy:
                pid, place = busy.pop(ref)
                results[place] = result
                free.append(pid)
            case "stop":
                for pid in free + [pid for pid, _ in busy.values()]:
                    otp.exit(pid, "shutdown")
                return

        while runs and len(results) == len(runs[0][0]):
            payloads, from_, ref = runs.pop(0)
            otp.send(from_, (ref, tuple(results[place] for place in range(len(payloads)))))
            todo, results = list(range(len(runs[0][0]))) if runs else [], {}
        while todo and free:
            pid, place, ref = free.pop(0), todo.pop(0), otp.make_ref()
            busy[ref] = (pid, place)
            otp.send(pid, ("work", runs[0][0][place], otp.self(), ref))
