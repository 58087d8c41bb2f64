import otp


async def balancer(workers):
    loads = {otp.monitor(pid): (pid, {}) for pid in workers}  # of each worker the unanswered requests: who asks, by ref
    while True:
        match await otp.receive():
            case ("request", payload, from_, ref) if loads:
                pid, unanswered = min(loads.values(), key=lambda load: len(load[1]))
                own = otp.make_ref()
                unanswered[own] = (from_, ref)
                otp.send(pid, ("work", payload, otp.self(), own))
            case otp.Down(monitor) if monitor in loads:
                for from_, ref in loads.pop(monitor)[1].values():
                    otp.send(from_, (ref, ("error", "worker_down")))
            case (own, result):
                for _, unanswered in loads.values():
                    if own in unanswered:
                        from_, ref = unanswered.pop(own)
                        otp.send(from_, (ref, ("ok", result)))
            case "stop":
                return
