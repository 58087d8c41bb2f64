import heapq
from collections import deque

import otp


class Jobs:
    def __init__(self):
        self.heap = []
        self.added = 0
        self.waiting = deque()

    def add(self, priority, job):
        self.added += 1
        heapq.heappush(self.heap, (priority, self.added, job))

    def serve(self):
        while self.heap and self.waiting:
            pid, ref = self.waiting.popleft()
            if otp.is_alive(pid):
                _, _, job = heapq.heappop(self.heap)
                otp.send(pid, (ref, ("job", job)))


async def job_queue():
    jobs = Jobs()
    while (message := await otp.receive()) != "stop":
        match message:
            case ("add", "high", job):
                jobs.add(1, job)
            case ("add", "normal", job):
                jobs.add(2, job)
            case ("add", "low", job):
                jobs.add(3, job)
            case ("next", pid, ref):
                jobs.waiting.append((pid, ref))
            case ("count", pid, ref):
                otp.send(pid, (ref, len(jobs.heap)))
        jobs.serve()
