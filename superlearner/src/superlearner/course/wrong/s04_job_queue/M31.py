import otp

PRIORITIES = ("high", "normal", "low")


async def job_queue():
    jobs = {priority: [] for priority in PRIORITIES}
    while True:
        match await otp.receive():
            case ("add", priority, job) if priority in PRIORITIES:
                jobs[priority].append(job)
            case ("next", from_, ref):
                for line in jobs.values():
                    if line:
                        otp.send(from_, (ref, ("job", line.pop(0))))
                        break
            case ("count", from_, ref):
                otp.send(from_, (ref, sum(len(line) for line in jobs.values())))
            case "stop":
                return
