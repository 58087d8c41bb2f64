from collections import deque

import otp


async def worker():
    jobs = deque()
    while True:
        match await otp.receive():
            case ("work", seconds, from_, ref):
                jobs.append((seconds, from_, ref))
                if len(jobs) == 1:
                    otp.send_after(seconds, otp.self(), "over")
            case "over":
                _, from_, ref = jobs.popleft()
                otp.send(from_, (ref, "done"))
                if jobs:
                    otp.send_after(jobs[0][0], otp.self(), "over")
            case "stop":
                return
