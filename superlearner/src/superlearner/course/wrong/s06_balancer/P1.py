import otp


async def balancer(workers):
    loads = {pid: 0 for pid in workers}
    while True:
        match await otp.receive():
            case ("request", payload, from_, ref):
                pid = min(loads, key=loads.get)
                loads[pid] += 1
                monitor = otp.monitor(pid)
                otp.send(pid, ("work", payload, otp.self(), monitor))
                match await otp.receive(monitor):
                    case otp.Down():
                        del loads[pid]
                        otp.send(from_, (ref, ("error", "worker_down")))
                    case (_, result):
                        loads[pid] -= 1
                        otp.send(from_, (ref, ("ok", result)))
            case "stop":
                return
