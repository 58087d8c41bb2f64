import otp

ORDER = {"high": 0, "normal": 1, "low": 2}


async def job_queue():
    jobs = []
    waiting = {}
    while True:
        match await otp.receive():
            case ("add", str(priority), job) if priority in ORDER:
                if waiting:
                    monitor, (from_, ref) = next(iter(waiting.items()))
                    del waiting[monitor]
                    otp.send(from_, (ref, ("job", job)))
                else:
                    jobs.append((priority, job))
            case ("next", from_, ref):
                if jobs:
                    best = min(jobs, key=lambda each: ORDER[each[0]])
                    jobs.remove(best)
                    otp.send(from_, (ref, ("job", best[1])))
                else:
                    waiting[otp.monitor(from_)] = (from_, ref)
            case otp.Down(ref=monitor):
                waiting.pop(monitor, None)
            case ("count", from_, ref):
                otp.send(from_, (ref, len(jobs)))
            case "stop":
                return
