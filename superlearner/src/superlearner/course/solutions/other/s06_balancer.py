import otp


class Balancer:
    def __init__(self, workers):
        self.workers = list(workers)
        self.open = {}
        for pid in self.workers:
            otp.monitor(pid)

    def load(self, pid):
        return sum(1 for worker, _, _ in self.open.values() if worker == pid)

    def request(self, payload, from_, ref):
        if not self.workers:
            otp.send(from_, (ref, ("error", "no_workers")))
            return
        least = self.workers[0]
        for pid in self.workers:
            if self.load(pid) < self.load(least):
                least = pid
        mine = otp.make_ref()
        self.open[mine] = (least, from_, ref)
        otp.send(least, ("work", payload, otp.self(), mine))

    def result(self, mine, value):
        if isinstance(mine, otp.Ref) and mine in self.open:
            _, from_, ref = self.open.pop(mine)
            otp.send(from_, (ref, ("ok", value)))

    def ended(self, pid):
        self.workers.remove(pid)
        for mine, (worker, from_, ref) in list(self.open.items()):
            if worker == pid:
                del self.open[mine]
                otp.send(from_, (ref, ("error", "worker_down")))


async def balancer(workers):
    state = Balancer(workers)
    while True:
        message = await otp.receive()
        if message == "stop":
            break
        if isinstance(message, otp.Down):
            state.ended(message.item)
        elif isinstance(message, tuple) and len(message) == 4 and message[0] == "request":
            state.request(*message[1:])
        elif isinstance(message, tuple) and len(message) == 2:
            state.result(*message)
