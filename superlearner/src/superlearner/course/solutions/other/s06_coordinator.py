from collections import deque

import otp


class Team:
    def __init__(self, worker, n):
        self.worker = worker
        self.tasks = {}  # monitor: (pid, ref, place), or (pid, None, None) of a free one
        for _ in range(n):
            self.hire()

    def hire(self):
        pid, monitor = otp.spawn_monitor(self.worker)
        self.tasks[monitor] = (pid, None, None)

    def hand_out(self, todo, payloads):
        for monitor, (pid, ref, _) in self.tasks.items():
            if ref is None and todo:
                place, ref = todo.popleft(), otp.make_ref()
                self.tasks[monitor] = (pid, ref, place)
                otp.send(pid, ("work", payloads[place], otp.self(), ref))

    def done(self, answered):
        for monitor, (pid, ref, place) in self.tasks.items():
            if ref is not None and ref == answered:
                self.tasks[monitor] = (pid, None, None)
                return place
        return None

    def ended(self, monitor):
        _, _, place = self.tasks.pop(monitor)
        self.hire()
        return place


async def coordinator(worker, n):
    team = Team(worker, n)
    while True:
        match await otp.receive():
            case ("run", payloads, from_, ref):
                otp.send(from_, (ref, await run(team, payloads)))
            case otp.Down(ref) if ref in team.tasks:
                team.ended(ref)
            case "stop":
                for monitor, (pid, _, _) in team.tasks.items():
                    otp.demonitor(monitor, flush=True)
                    otp.exit(pid, "kill")
                return


async def run(team, payloads):
    todo, results = deque(range(len(payloads))), [None] * len(payloads)
    missing = set(todo)
    while missing:
        team.hand_out(todo, payloads)
        match await otp.receive(lambda message: isinstance(message, otp.Down) or answer(message)):
            case otp.Down(ref):
                if (place := team.ended(ref)) is not None:
                    todo.append(place)
            case (ref, result):
                place = team.done(ref)
                if place is not None:
                    results[place] = result
                    missing.discard(place)
    return tuple(results)


def answer(message):
    return isinstance(message, tuple) and len(message) == 2
