import otp


async def balancer(workers):
    loads = {pid: 0 for pid in workers}
    for pid in workers:
        otp.monitor(pid)
    asking = []
    while True:
        match await otp.receive():
            case ("request", payload, from_, ref):
                pid = min(loads, key=loads.get)
                loads[pid] += 1
                asking.append((from_, ref, pid))
                otp.send(pid, ("work", payload, otp.self(), otp.make_ref()))
            case (_, result) if asking:
                from_, ref, pid = asking.pop(0)
                loads[pid] -= 1
                otp.send(from_, (ref, ("ok", result)))
            case "stop":
                return
