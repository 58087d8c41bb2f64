import otp

PRIORITIES = ("high", "normal", "low")


async def job_queue():
    jobs = {priority: [] for priority in PRIORITIES}
    waiting = []

    def pop():
        for line in jobs.values():
            if line:
                return line.pop(0)

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
        waiting = [each for each in waiting if otp.is_alive(each[0])]
        while waiting and (job := pop()) is not None:
            from_, ref = waiting.pop(0)
            otp.send(from_, (ref, ("job", job)))
