import otp


async def coordinator(worker, n):
    otp.process_flag("trap_exit", True)
    workers = [otp.spawn_link(worker) for _ in range(n)]
    while True:
        match await otp.receive():
            case ("run", payloads, from_, ref):
                refs = [otp.make_ref() for _ in payloads]
                for place, payload in enumerate(payloads):
                    otp.send(workers[place % n], ("work", payload, otp.self(), refs[place]))
                results = []
                for own in refs:
                    _, result = await otp.receive(own)
                    results.append(result)
                otp.send(from_, (ref, tuple(results)))
            case otp.ExitSignal(pid) if pid in workers:
                workers[workers.index(pid)] = otp.spawn_link(worker)
            case "stop":
                for pid in workers:
                    otp.exit(pid, "shutdown")
                return
