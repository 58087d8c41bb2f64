import otp


async def coordinator(worker, n):
    otp.process_flag("trap_exit", True)
    workers = [otp.spawn_link(worker) for _ in range(n)]
    while True:
        match await otp.receive():
            case ("run", payloads, from_, ref):
                todo, free = list(enumerate(payloads)), list(workers)
                busy, results = {}, {}
                while todo or busy:
                    while todo and free:
                        own, pid, (place, payload) = otp.make_ref(), free.pop(0), todo.pop(0)
                        busy[own] = pid, place
                        otp.send(pid, ("work", payload, otp.self(), own))
                    own, result = await otp.receive(lambda message: isinstance(message, tuple) and message[0] in busy)
                    pid, place = busy.pop(own)
                    results[place] = result
                    free.append(pid)
                otp.send(from_, (ref, tuple(results[place] for place in range(len(payloads)))))
            case otp.ExitSignal(pid) if pid in workers:
                workers[workers.index(pid)] = otp.spawn_link(worker)
            case "stop":
                for pid in workers:
                    otp.exit(pid, "shutdown")
                return
