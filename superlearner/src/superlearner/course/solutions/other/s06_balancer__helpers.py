import otp


async def one_request(balancer, worker, payload, from_, ref):
    # Waits for one result, so that the balancer does not have to.
    monitor = otp.monitor(worker)
    otp.send(worker, ("work", payload, otp.self(), monitor))
    match await otp.receive(monitor):
        case otp.Down():
            answer = ("error", "worker_down")
        case (_, result):
            answer = ("ok", result)
    otp.send(balancer, ("less", worker))
    otp.send(from_, (ref, answer))


async def balancer(workers):
    otp.process_flag("trap_exit", True)
    loads = {}
    for pid in workers:
        loads[pid] = 0
        otp.link(pid)
    while True:
        match await otp.receive():
            case ("request", payload, from_, ref):
                if loads:
                    pid = min(loads, key=loads.get)
                    loads[pid] += 1
                    otp.spawn(one_request, otp.self(), pid, payload, from_, ref)
                else:
                    otp.send(from_, (ref, ("error", "no_workers")))
            case ("less", pid):
                if pid in loads:
                    loads[pid] -= 1
            case otp.ExitSignal(pid=pid):
                loads.pop(pid, None)
            case "stop":
                return
