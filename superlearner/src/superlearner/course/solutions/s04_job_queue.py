import otp

PRIORITIES = ("high", "normal", "low")


async def job_queue():
    jobs = {priority: [] for priority in PRIORITIES}
    waiting = []
    while True:
        match await otp.receive():
            case ("add", priority, job) if priority in PRIORITIES:
                jobs[priority].append(job)
            case ("next", from_, ref):
                waiting.append((from_, ref))
            case ("count", from_, ref):
                otp.send(from_, (ref, sum(len(line) for line in jobs.values())))
            case "stop":
                return
        hand_out(jobs, waiting)


def hand_out(jobs, waiting):
    for line in jobs.values():
        while line and waiting:
            from_, ref = waiting.pop(0)
            if otp.is_alive(from_):
                otp.send(from_, (ref, ("job", line.pop(0))))
