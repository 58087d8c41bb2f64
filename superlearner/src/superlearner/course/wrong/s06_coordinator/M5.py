import otp


async def coordinator(worker, n):
    otp.process_flag("trap_exit", True)
    workers = [otp.spawn_link(worker) for _ in range(n)]
    while True:
        match await otp.receive():
            case ("run", payloads, from_, ref):
                todo, results, free = list(payloads), [], list(workers)
                while len(results) < len(payloads):
                    while todo and free:
                        otp.send(free.pop(), ("work", todo.pop(0), otp.self(), ref))
                    match await otp.receive():
                        case (own, result) if own == ref:
                            results.append(result)
                            free.append(workers[len(results) % n])
                otp.send(from_, (ref, tuple(results)))
            case "stop":
                for pid in workers:
                    otp.exit(pid, "shutdown")
                return
