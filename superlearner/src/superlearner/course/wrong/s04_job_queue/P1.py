import otp

PRIORITIES = ("high", "normal", "low")


def is_job(message):
    return isinstance(message, tuple) and len(message) == 3 and message[0] == "add"


async def job_queue():
    jobs = {priority: [] for priority in PRIORITIES}
    while True:
        match await otp.receive():
            case ("add", priority, job) if priority in PRIORITIES:
                jobs[priority].append(job)
            case ("next", from_, ref):
                line = next((line for line in jobs.values() if line), None)
                if line is None:
                    _, _, job = await otp.receive(is_job)
                else:
                    job = line.pop(0)
                otp.send(from_, (ref, ("job", job)))
            case ("count", from_, ref):
                otp.send(from_, (ref, sum(len(line) for line in jobs.values())))
            case "stop":
                return
