import otp


async def balancer(workers):
    unanswered = {pid: [] for pid in workers}
    for pid in workers:
        otp.monitor(pid)
    while True:
        match await otp.receive():
            case ("request", _, from_, ref) if not unanswered:
                otp.send(from_, (ref, ("error", "no_workers")))
            case ("request", payload, from_, ref):
                pid = min(unanswered, key=lambda each: len(unanswered[each]))
                own = otp.make_ref()
                unanswered[pid].append((own, from_, ref))
                otp.send(pid, ("work", payload, otp.self(), own))
            case otp.Down(item=pid):
                for _, from_, ref in unanswered[pid]:
                    otp.send(from_, (ref, ("error", "worker_down")))
                unanswered[pid] = []
            case (own, result):
                for requests in unanswered.values():
                    for each in list(requests):
                        if each[0] == own:
                            requests.remove(each)
                            otp.send(each[1], (each[2], ("ok", result)))
            case "stop":
                return
