import otp


class Pool:
    def __init__(self, worker):
        self.worker = worker
        self.monitors = {}
        self.free = set()

    def start(self):
        pid, monitor = otp.spawn_monitor(self.worker)
        self.monitors[monitor] = pid
        self.free.add(pid)

    def take(self):
        return self.free.pop() if self.free else None

    def ended(self, monitor):
        pid = self.monitors.pop(monitor)
        self.free.discard(pid)
        self.start()

    def give_back(self, pid):
        if pid in self.monitors.values():
            self.free.add(pid)


async def pool(worker, n):
    workers = Pool(worker)
    for _ in range(n):
        workers.start()
    while True:
        match await otp.receive():
            case ("get_available", from_, ref):
                otp.send(from_, (ref, workers.take()))
            case ("give_back", pid):
                workers.give_back(pid)
            case otp.Down(ref):
                workers.ended(ref)
            case "stop":
                for pid in workers.monitors.values():
                    otp.exit(pid, "shutdown")
                break
