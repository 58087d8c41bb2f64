"""Checks of session 6: requests with answers, and processes that share work or news."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace
from typing import Any, Final

import otp
from superlearner.course.engine.by_hand import Asked, ByHand
from superlearner.course.engine.exercise import exercise
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import render, same
from superlearner.course.engine.verdict import CourseMark, Wrong

PARTS: Final = {
    "a chat room, whose members come and go": ("process", "it changes over time, and many send to it"),
    "the connection to a database": ("process", "it is open for a long time, and can break"),
    "the conversion of a video, which may crash": ("process", "its crash should harm nothing else"),
    "the text of a chat message, with its author": ("data", "it never changes, and does nothing"),
    "a price and its currency": ("data", "it never changes, and does nothing"),
    "the total of an order": ("function", "it only depends on its arguments"),
    "whether an address is well formed": ("function", "it only depends on its arguments"),
}


@exercise("s06.parts")
async def parts(s: Scenario) -> None:
    """Parts of a program, and their forms."""
    s.step("Each part of the program has its form.")
    answer = s.choices(tuple(PARTS), ("process", "data", "function"))
    marks: list[CourseMark] = []
    for key, (right, why) in PARTS.items():
        ok = answer[key] == right
        shared = right == "process" and answer[key] == "data"
        say = "" if ok else f"{key}: not as {'a ' * (answer[key] != 'data')}{answer[key]}, because {why}"
        marks.append(CourseMark(key, ok, say, "M6" if shared and not ok else None))
    s.judge(marks)


@exercise("s06.protocol")
@unreported
async def protocol(s: Scenario) -> None:
    """Requests, and the responses that belong to them."""
    client, asker = s.caller(), s.inbox("asker")

    async def made(name: str, *args: Any, said: str = "", raised: str | None = None) -> Any:
        call = client.call(name, *args, awaited=False)
        call.said = said or call.said
        return await call.returns(raised=raised)

    def field(of: Any, name: str, what: str) -> Any:
        if not hasattr(of, name):
            raise Wrong(f"expected {what} to have .{name}, got {s.worded(render(of))}")
        return getattr(of, name)

    def has(request: Any, called: str, **fields: Any) -> None:
        for name, value in fields.items():
            got = field(request, name, called)
            say = f"expected .{name} of {called} to be {s.describe(value)}, got {s.describe(got)}"
            s.same(got, value, s.worded(say))

    s.step("Requests have .tag, .body, .sender and .id, are hashable, and no two have the same .id.")
    requests: list[Any] = []
    for _ in range(10):
        task = await made("task", asker.pid, "search", ("otp", 3))
        has(task, "task(asker, 'search', ('otp', 3))", tag="task", body=("search", ("otp", 3)), sender=asker.pid)
        query = await made("query", asker.pid, "status")
        has(query, "query(asker, 'status')", tag="query", body="status", sender=asker.pid)
        requests += [task, query]
    plain = await made("task", client.pid, "rest")
    has(plain, "task(client, 'rest')", tag="task", body=("rest", ()), sender=client.pid)
    for number, request in enumerate(requests):
        id = field(request, "id", "a request")
        for other in requests[:number]:
            s.expect(bool(id != other.id), "expected each request to have an .id of its own, got two alike", "M5")
            s.expect(bool(request != other), "expected no two requests to be equal, got two equal ones", "M5")
        try:
            hash(request)
        except TypeError as error:
            raise Wrong(f"expected a request to be hashable, got the error: {error}") from None

    ask, alike = s.need("query"), "expected each request to have an .id of its own, got two alike among 2000"
    many = [ask(asker.pid, "rest") for _ in range(2000)]
    with contextlib.suppress(TypeError):  # an id need not be hashable
        s.expect(len({field(each, "id", "a request") for each in many}) == len(many), alike, "M5")

    s.step("A later change of the list of parameters does not reach the request.")
    params = ["a", "b"]
    request = await made("task", asker.pid, "search", params)
    before = render(request.body)
    params.append("c")
    say = f"params.append('c') came after the request, and its .body is now {render(request.body)}"
    s.expect(render(request.body) == before, say, "M6")
    has(request, "task(asker, 'search', ['a', 'b'])", body=("search", ("a", "b")))

    s.step("respond sends one message to the sender, with the .id of the request and with .body.")
    responses: list[Any] = []
    for asked, body in ((requests[0], 42), (requests[1], None), (request, ("ok", "b"))):
        await made("respond", asked, body, said=f"respond(request, {body!r})")
        news = await asker.news()
        say = f"expected respond(request, {body!r}) to send one message to the sender of the request, got {len(news)}"
        s.expect(len(news) == 1, say)
        id = field(news[0], "id", "the response")
        say = f"expected the response to have the .id of the request, {render(asked.id)}, got {render(id)}"
        s.expect(bool(id == asked.id), s.worded(say), "M5")
        has(news[0], "the response", body=body)
        responses += news

    s.step("answers(request, message) is true for the response to this request, and for nothing else.")

    async def fits(asked: Any, message: Any, what: str, *, right: bool = False, m: str | None = None) -> None:
        said = f"answers(request, {what})"
        got = await made("answers", asked, message, said=said, raised=None if right else "V4")
        s.same(got, right, f"expected {said} to return {right}, got {s.worded(render(got))}", m if got else None)

    for asked, response in zip((requests[0], requests[1], request), responses, strict=True):
        await fits(asked, response, "its own response", right=True)
    await fits(requests[0], responses[1], "a response to another request", m="M5")
    await fits(requests[2], responses[0], "a response to a similar request", m="M5")
    await fits(requests[0], requests[0], "the request itself")
    for other in (None, 42, "task", (), [], {}, ("task", 1, 2), (requests[0].id, 42), SimpleNamespace(body=42)):
        await fits(requests[0], other, s.worded(render(other)))


class Workers:
    """Workers of the check, and what they do."""

    def __init__(self, s: Scenario) -> None:
        self.s = s
        self.started: list[otp.Pid] = []
        self.begun: list[tuple[otp.Pid, str, Any]] = []
        """The process, name and reference of each task that was begun, oldest first."""
        self.busy: dict[otp.Pid, str] = {}
        self.ends: dict[str, str] = {}
        """The first end of a worker by a task: "crash", "kill", "normal", or "after" it has answered."""

    async def run(self) -> None:
        """Answer `("work", (name, seconds), from_, ref)` with `(ref, NAME)`: the process of a worker."""
        me = otp.self()
        self.started.append(me)
        self.s.name(me, f"worker {len(self.started)}")
        while True:
            match await otp.receive():
                case ("work", (name, seconds), from_, ref):
                    self.begun.append((me, name, ref))
                    self.busy[me] = name
                    how = self.ends.pop(name, "")
                    self.end(how)
                    await asyncio.sleep(seconds)
                    self.busy.pop(me, None)
                    otp.send(from_, (ref, name.upper()))
                    if how == "after":
                        return
                case "end":
                    return
                case _:
                    pass

    def end(self, how: str) -> None:
        """End the running worker."""
        if how == "crash":
            raise ValueError("a bug")
        if how == "kill":
            otp.exit(otp.self(), "kill")
        if how == "normal":
            otp.exit("normal")

    @property
    def living(self) -> list[otp.Pid]:
        """Return those that live, oldest first."""
        return [pid for pid in self.started if otp.is_alive(pid)]

    @property
    def working(self) -> int:
        """Return how many work now."""
        return sum(otp.is_alive(pid) for pid in self.busy)

    def sent_to_the_dead(self, since: int) -> str:
        """Return the name of a worker to which a task was sent after it had ended; "" for none."""
        events = self.s.trace.events(since)
        for pid in self.started:
            dropped = [each.data["term"] for each in events if each.kind == "dropped" and each.data["to"] == pid]
            if any(type(term) is tuple for term in dropped):
                return self.s.called(pid)
        return ""


def upper(payloads: Any) -> tuple[str, ...]:
    """Return the results of payloads."""
    return tuple(name.upper() for name, _ in payloads)


@exercise("s06.coordinator", reads_messages=True)
@unreported
async def coordinator(s: Scenario) -> None:
    """A coordinator whose tasks are all done."""

    def start(n: int, called: str) -> tuple[ByHand, Workers]:
        workers = Workers(s)

        async def worker() -> None:
            await workers.run()

        return s.process("coordinator", worker, n, called=called), workers

    async def lives(one: ByHand, workers: Workers) -> None:
        await one.lives("a worker ended, and the coordinator, too", "M8")

    async def results(asked: Asked, payloads: Any, workers: Workers, at: float = 0, silent: str = "M31") -> None:
        got = await asked.answered(at=at, silent=silent)
        if type(got) is tuple and not same(got, upper(payloads)) and sorted(map(str, got)) == sorted(upper(payloads)):
            refs = {ref for _, _, ref in workers.begun}
            m = "M5" if len(refs) < len(got) else "V6"
            raise Wrong(f"expected the results in the order of the payloads, {upper(payloads)}, got {render(got)}", m)
        s.same(got, upper(payloads), s.worded(f"expected the results {upper(payloads)}, got {render(got)}"))

    async def together(one: ByHand, workers: Workers, count: int, since: int) -> None:
        await s.advance(0.5)
        await lives(one, workers)
        dead = workers.sent_to_the_dead(since)
        if workers.working < count and dead:
            raise Wrong(f"a task was sent to {dead}, which had ended, and no other worker does it", "M13")
        say = f"expected {count} worker{'s' if count > 1 else ''} to work at the same time, got {workers.working}"
        s.expect(workers.working == count, say)

    s.step('"run" is answered with a tuple of the results, in the order of the payloads.')
    one, workers = start(3, "coordinator")
    await one.answers(("run", []), ())
    for payloads in ([("a", 3), ("b", 1), ("c", 2)], (("d", 0),), [("e", 0), ("e", 0)]):
        asked = one.ask("run", payloads)
        await s.advance(10)
        await results(asked, payloads, workers)

    s.step("Three tasks of 1 s take 1 s with n = 3.")
    payloads = [("f", 1), ("g", 1), ("h", 1)]
    since, asked = s.mark(), one.ask("run", payloads)
    await together(one, workers, 3, since)
    await results(asked, payloads, workers, 1)

    s.step("A worker that ends is replaced, and its task is done by another one.")
    for hows in (("crash", "crash"), ("kill", "normal"), ("after", "crash")):
        three, workers = start(4, f"coordinator ({', '.join(hows)})")
        payloads = [(f"task {number}", 1) for number in range(20)]
        workers.ends = {"task 2": hows[0], "task 9": hows[1]}
        since, asked = s.mark(), three.ask("run", payloads)
        for _ in range(40):
            await lives(three, workers)
            await s.advance(0.5)
        for name, how in (("task 2", hows[0]), ("task 9", hows[1])):
            begun = [each for _, each, _ in workers.begun].count(name)
            if how != "after" and begun < 2:
                dead = workers.sent_to_the_dead(since)
                say = f"a task was sent to {dead}, which had ended: " if dead else "a worker ended with a task: "
                raise Wrong(f"{say}no other worker did it", "M13" if dead else "P11")
        if dead := workers.sent_to_the_dead(since):
            missing = {name for name, _ in payloads} - {name for _, name, _ in workers.begun}
            s.expect(not missing, f"a task was sent to {dead}, which had ended: no other worker did it", "M13")
        await results(asked, payloads, workers, silent="P11")
        payloads = payloads[:4]
        since, asked = s.mark(), three.ask("run", payloads)
        await together(three, workers, 4, since)
        await results(asked, payloads, workers, 1)
        await three.stops(m="M23")

    s.step("A worker that ends while it has no task does no harm.")
    four, workers = start(3, "fourth coordinator")
    await four.answers(("run", []), ())
    for how in ("kill", "end", "kill"):
        for pid in workers.living[:2]:
            if how == "kill":
                otp.exit(pid, "kill")
            else:
                otp.send(pid, "end")
        await lives(four, workers)
        payloads = [("a", 1), ("b", 1), ("c", 1)]
        since, asked = s.mark(), four.ask("run", payloads)
        await together(four, workers, 3, since)
        await results(asked, payloads, workers, 1)

    s.step("Each worker has one task at a time, and gets the next one when it is free.")
    sized: list[ByHand] = []
    for tasks, n, at in (((1, 1, 1), 1, 3), ((3, 1, 1, 1), 2, 3)):
        five, of_five = start(n, f"coordinator of {n}")
        payloads = [(f"task {number}", seconds) for number, seconds in enumerate(tasks)]
        since, asked = s.mark(), five.ask("run", payloads)
        await together(five, of_five, n, since)
        waiting = [pid for pid in of_five.living if otp.process_info(pid, "message_queue_len")]
        s.expect(not waiting, "a worker has a task, and another one waits in its mailbox: expected one task each")
        await s.advance(0.5)
        await together(five, of_five, n, since)
        await results(asked, payloads, of_five, at)
        sized.append(five)

    s.step("A run that is asked for during another one is answered as well.")
    runs = [
        [(f"{name}{number}", 1) for number in range(size)] for name, size in (("x", 3), ("y", 2), ("z", 4), ("w", 0))
    ]
    asks = [four.ask("run", payloads) for payloads in runs]
    for _ in range(12):
        await lives(four, workers)
        await s.advance(1)
    for asked, payloads in zip(asks, runs, strict=True):
        await results(asked, payloads, workers)
    runs = [[(f"long {number}", 1) for number in range(7)], [("short", 1)]]
    asks = [four.ask("run", runs[0])]
    await s.advance(1.5)
    asks.append(four.ask("run", runs[1]))
    for _ in range(12):
        await lives(four, workers)
        await s.advance(1)
    for asked, payloads in zip(asks, runs, strict=True):
        await results(asked, payloads, workers)

    s.step('It takes a message of another form, and goes on; after "stop" it and all workers end.')
    await four.ignores(("run",), ("run", [], otp.self()))
    await results(four.ask("run", [("a", 1)]), [("a", 1)], workers, 1)
    for process in (one, *sized, four):
        await process.stops(m="M23")
    s.expect(not workers.living, f"the coordinator has stopped, and {len(workers.living)} workers live on", "M23")
