"""Checks of session 12: servers, their callbacks and results."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import otp
from otp import GenServer, NoReply, Ok, Reply, Stop, impl
from otp.testing import wait_all_idle
from superlearner.course.engine.exercise import exercise, scenario
from superlearner.course.engine.reports import unreported, without_reports
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import as_mapping, render
from superlearner.course.engine.verdict import CourseMark, Incomplete, Wrong


@exercise("s12.callbacks")
@unreported
async def callbacks(s: Scenario) -> None:
    """The callback that a message runs."""
    s.step("Each message runs its callback: the server of the run says which.")
    answer = s.choices(("get_state", "remember", "DOWN", "stop"), {*WHY_STOP, "terminate"})
    ran = await instrumented(s)

    def mark(key: str) -> CourseMark:
        if answer[key] == ran[key]:
            return CourseMark(key, ok=True)
        swapped = {answer[key], ran[key]} == {"handle_call", "handle_cast"}
        misconception = "M14" if swapped else "M8" if key == "DOWN" else None
        if key == "stop":
            say = f"in the run {ran[key]} ran because the agent stopped; {WHY_STOP[answer[key]]}"
        else:
            say = f"in the run {ran[key]} ran for {key}, not {answer[key]}: {WHY_RAN[key]}"
        return CourseMark(key, False, say, misconception, DOWN_IS_INFO if key == "DOWN" else "")

    s.judge(map(mark, ("get_state", "remember", "DOWN", "stop")), sent=False)


WHY_RAN = {
    "get_state": "the client waits for an answer, so it is a call",
    "remember": "the client cast it, and waits for nothing",
    "DOWN": "it is neither a call nor a cast, and any other message is an info",
}
WHY_STOP = {
    "init": "init ran only when it started",
    "handle_cast": "handle_cast ran before that, for the cast itself",
    "handle_call": "handle_call did not run, since no client waits for an answer",
    "handle_info": "handle_info did not run, since the request to stop came by cast",
}
DOWN_IS_INFO = (
    "A monitor sends an ordinary message, `Down`, to the process that monitors. It was neither called nor cast."
)


class Instrumented(GenServer[otp.Pid]):
    """Tells its owner which of its callbacks ran."""

    @impl
    def init(self, owner: otp.Pid) -> Ok[otp.Pid]:
        return Ok(owner)

    @impl
    def handle_call(self, request: Any, caller: otp.From, state: otp.Pid) -> Reply[otp.Pid]:
        return Reply("handle_call", state)

    @impl
    def handle_cast(self, request: Any, state: otp.Pid) -> NoReply[otp.Pid] | Stop:
        if request == "stop":
            return Stop("normal", state)
        otp.send(state, "handle_cast")
        return NoReply(state)

    @impl
    def handle_info(self, message: Any, state: otp.Pid) -> NoReply[otp.Pid]:
        otp.send(state, "handle_info")
        return NoReply(state)

    @impl
    def terminate(self, reason: Any, state: otp.Pid) -> None:
        otp.send(state, "terminate")


async def instrumented(s: Scenario) -> dict[str, str]:
    """Return which callback of a real server each of four messages runs."""
    agent = s.name(await Instrumented.start(otp.self()), "agent")
    other = s.name(otp.spawn(nothing), "monitored")
    await otp.wait_down(other)
    ran: dict[str, str] = {}
    with s.showing("get_state"):
        ran["get_state"] = await GenServer.call(agent, "get_state")
    with s.showing("remember"):
        GenServer.cast(agent, "remember")
        ran["remember"] = await otp.receive()
    with s.showing("DOWN"):
        otp.send(agent, otp.Down(otp.make_ref(), other, "normal"))
        ran["DOWN"] = await otp.receive()
    with s.showing("stop"):
        GenServer.cast(agent, "stop")
        ran["stop"] = await otp.receive()
        await otp.wait_down(agent)
    return ran


async def nothing() -> None:
    """End at once."""


@exercise("s12.calls")
async def calls(s: Scenario) -> None:
    """Call or cast."""
    s.step("Each function of the client works as its users need it.")
    right = {
        "get_agent_state": "call",
        "remember_fact": "cast",
        "send_task": "cast",
        "process_next": "call",
        "broadcast_shutdown": "cast",
    }
    answer = s.choices(tuple(right))
    for key in right:
        if answer[key] not in ("call", "cast"):
            raise Wrong(f"expected call or cast for {key}, got {render(answer[key])}")
    marks: list[CourseMark] = []
    for key, way in right.items():
        if answer[key] == way:
            marks.append(CourseMark(key, ok=True))
            continue
        if way == "call":
            with s.showing(key):
                got = await client_of(s, cast_only=True)
            say = f"{key} as a cast returned {got!r} where its user needs {NEEDED[key]}"
        else:
            many = 10 if key == "broadcast_shutdown" else 1
            with s.showing(key):
                waited = await client_of(s, cast_only=False, many=many)
            turns = "for each of ten agents in turn" if many > 1 else "for an agent that takes 1 s for each message"
            say = f"{key} as a call kept its sender waiting {waited:g} s, {turns}; {NEEDED[key]}"
        marks.append(CourseMark(key, False, say, "M14"))
    s.judge(marks)


NEEDED = {
    "get_agent_state": "the state",
    "process_next": "the result of the task",
    "remember_fact": "the task says that the sender does not wait",
    "send_task": "the task only goes into the inbox, so there is nothing to answer",
    "broadcast_shutdown": "no agent has anything to answer",
}


class Slow(GenServer[None]):
    """Takes a second for each message."""

    @impl
    def init(self, arg: None) -> Ok[None]:
        return Ok(arg)

    @impl
    async def handle_call(self, request: Any, caller: otp.From, state: None) -> Reply[None]:
        await asyncio.sleep(1)
        return Reply("done", state)

    @impl
    async def handle_cast(self, request: Any, state: None) -> NoReply[None]:
        await asyncio.sleep(1)
        return NoReply(state)


async def client_of(s: Scenario, *, cast_only: bool, many: int = 1) -> Any:
    """Return what a cast returns, or how long one call of each of so many servers takes."""
    servers = [s.name(await Slow.start(None), f"agent {number}") for number in range(1, 1 + many)]
    begun = otp.monotonic()
    if cast_only:
        value: Any = GenServer.cast(servers[0], "get") or "ok"
    else:
        for server in servers:
            await GenServer.call(server, "task")
        value = otp.monotonic() - begun
    with s.unseen():
        for server in servers:
            otp.exit(server, "kill")
            await otp.wait_down(server)
    return value


@exercise("s12.required")
async def required(s: Scenario) -> None:
    """Required and optional callbacks."""
    s.step("`required` names the callbacks that a GenServer needs, `optional` the others.")
    callbacks = {name for name, _ in GenServer.behaviour_info("callbacks")}
    others = {name for name, _ in GenServer.behaviour_info("optional_callbacks")}
    needed, free = s.names_in("required"), s.names_in("optional")
    wanted = callbacks - others
    if needed != wanted:
        which = difference(needed, wanted) if needed else "it is empty"
        raise Wrong(f"`required` is not right, {which}: the cell under “Ask the library” lists them")
    if free != others:
        raise Wrong(f"`optional` is not right, {difference(free, others)}: compare it with what the cell prints")
    s.note("only `init` is required")
    s.step("`OnlyInit` starts, and survives an unknown message.")
    cls = s.need("OnlyInit")
    server = await s.start("OnlyInit.start(0)", s.member(cls, "start")(0), "server")
    own = {name for name in vars(cls) if name in callbacks | others}
    s.expect(own <= {"init"}, f"expected OnlyInit to define init only, got {', '.join(sorted(own))}")
    otp.send(server, "an unknown message")
    await s.settle()
    if not otp.is_alive(server):
        raise s.ended(server, "expected it to survive an unknown message, but it ended: ")


@exercise("s12.results")
@unreported
async def results(s: Scenario) -> None:
    """Legal results of callbacks."""
    s.step("Each result is legal or not, as the runs show.")
    found = as_mapping(s.need("answer"))
    if found is None:
        got = render(s.answer.answer)
        raise Wrong(f"expected answer to be a dict from (callback, result) to True or False, got {got}")
    names, kinds = ("init", "handle_call", "handle_cast"), ("Ok", "Reply", "NoReply", "Stop")
    pairs = tuple(itertools.product(names, kinds))
    s.no_other_keys("answer", found, pairs)
    for callback, result in pairs:
        said = found.get((callback, result))
        if type(said) is not bool:
            raise Incomplete(f"choose True or False for each pair: {callback} and {result} has {render(said)}")
    legal: dict[tuple[str, str], bool] = {}
    for pair in pairs:
        with s.showing(" ".join(pair)):
            legal[pair] = await is_legal(s, *pair)

    def like(callback: str) -> str:
        """Return the callback whose rule was chosen for this one."""
        chosen = [found[callback, kind] for kind in kinds]
        others = [name for name in names if [legal[name, kind] for kind in kinds] == chosen]
        return f"the rule for {others[0]}" if others else ""

    def mark(pair: tuple[str, str]) -> CourseMark:
        callback, result = pair
        if found[pair] == legal[pair]:
            return CourseMark(" ".join(pair), ok=True)
        misconception = {("handle_cast", "Reply"): "M14", ("handle_call", "NoReply"): "M31"}.get(pair)
        what = LEGAL.get(pair, "the server ended with bad_return_value")
        ran = f"in the run it is {'legal' if legal[pair] else 'not legal'}: {what}"
        say = f"you said {found[pair]} for {result} from {callback}; {ran}"
        return CourseMark(
            " ".join(pair), False, say, misconception, LATER if misconception == "M31" else "", like(callback)
        )

    s.judge(map(mark, pairs))


LEGAL = {
    ("init", "Ok"): "the server started with this state",
    ("init", "Stop"): "the start failed with the reason that Stop names",
    ("handle_call", "Reply"): "the caller got the answer, and the server went on",
    ("handle_call", "NoReply"): "the server went on, and its caller still waited",
    ("handle_call", "Stop"): "the server ended with the reason that Stop names",
    ("handle_cast", "NoReply"): "the server went on",
    ("handle_cast", "Stop"): "the server ended with the reason that Stop names",
}
"""The outcome of each legal result in a run."""
LATER = "A server may answer a call later, with `GenServer.reply`. Its caller waits in vain only if that never comes."


async def is_legal(s: Scenario, callback: str, result: str) -> bool:
    """Return whether a callback may return a result: by a run."""
    made: Any = {"Ok": Ok(0), "Reply": Reply("answer", 0), "NoReply": NoReply(0), "Stop": Stop("normal", 0)}[result]
    if callback == "init" and result == "Stop":
        made = Stop("normal")
    server_class: Any = type("Server", (GenServer,), methods(callback, made))
    s.show(s.mark())
    try:
        server = s.name(await server_class.start(None), "server")
    except otp.StartError as error:
        return not is_bad(error.reason)
    ref = otp.monitor(server)
    if callback == "handle_call":
        try:
            await GenServer.call(server, "x", 1)
        except otp.CallExit as error:
            s.gets(error)
    elif callback == "handle_cast":
        GenServer.cast(server, "x")
    await wait_all_idle()
    ended = not otp.is_alive(server)
    with s.unseen():
        otp.exit(server, "kill")
        down = await otp.receive(ref)
    return not (ended and is_bad(down.reason))


def methods(callback: str, made: Any) -> dict[str, Any]:
    """Return the methods of a server whose `callback` returns `made`."""
    found: dict[str, Any] = {
        "init": lambda self, arg: made if callback == "init" else Ok(0),
        "handle_call": lambda self, request, caller, state: made,
        "handle_cast": lambda self, request, state: made,
    }
    return found


def is_bad(reason: Any) -> bool:
    """Return whether a server ended because of an illegal result."""
    return type(reason) is tuple and bool(reason) and reason[0] == "bad_return_value"


def difference(got: set[Any], wanted: set[Any]) -> str:
    """Return what does not belong there, or that something is missing, without naming it."""
    if extra := got - wanted:
        return f"{render(min(map(str, extra)))} does not belong there"
    missing = len(wanted - got)
    return f"{missing} {'name is' if missing == 1 else 'names are'} missing"


@exercise("s12.impl")
async def repaired(s: Scenario) -> None:
    """A misspelt callback."""
    s.step("`BadServer`, repaired, answers a call with its state.")
    cls = s.need("BadServer")
    for state in (5, ["a list"]):
        server = await s.start(f"BadServer.start({state})", s.member(cls, "start")(state), "server")
        for request in ("state", "get", ("value of", "x")):
            got = await s.asked(f"the call {request!r}", GenServer.call(server, request), server)
            s.same(got, state, f"expected the call {request!r} to answer the state {state}, got {render(got)}")
    s.step("What becomes of each misspelt name is known.")
    ways = {
        "marked_typo": await found_when(s, "handle_cal", marked=True),
        "unmarked_typo": await found_when(s, "handle_cal", marked=False),
        "other_name": await found_when(s, "on_call", marked=False),
    }
    marks: list[CourseMark] = []
    for name, right in ways.items():
        said = s.need(name)
        waits = said == "the caller waits until its time is up"
        if said is None:
            raise Incomplete(f"say in {name} when the library finds the fault; it is still None")
        say = "" if said == right else f"{name}: in the run it was {right!r}; you said {render(said)}"
        belief = ("M31", NOT_SILENT) if waits and say else (None, "")
        marks.append(CourseMark(name, not say, say, *belief))
    s.judge(marks)


NOT_SILENT = (
    "A caller waits for a server that is alive and does not answer. This server ends, and its caller learns it at once."
)


NAMED = """
class Named(GenServer):
    def init(self, arg):
        return Ok(arg)

    {mark}
    def {name}(self, request, caller, state):
        return Reply(state, state)
"""


async def found_when(s: Scenario, name: str, *, marked: bool) -> str:
    """Return when the runtime finds a callback under a wrong name: by a run."""
    names: dict[str, Any] = {"GenServer": GenServer, "Ok": Ok, "Reply": Reply, "impl": impl}
    try:
        exec(NAMED.format(name=name, mark="@impl" if marked else ""), names)
    except TypeError:
        return "error when the class is made"
    server = s.name(await names["Named"].start(5), "other server")
    s.show(s.mark())
    begun = otp.monotonic()
    try:
        with without_reports():
            await GenServer.call(server, "state")
    except otp.CallExit as error:
        s.gets(error)
        return "found by the first call" if otp.monotonic() == begun else "the caller waits until its time is up"
    with s.unseen():
        otp.exit(server, "kill")
    return "never found"


class OnlyInit(GenServer[None]):
    """A server with no callback but `init`."""

    @impl
    def init(self, arg: None) -> Ok[None]:
        return Ok(arg)


@scenario("s12.p2")
async def p2(s: Scenario) -> str:
    """A server with only init gets a call."""
    s.name(otp.self(), "caller")
    server = s.name(await OnlyInit.start(None), "server")
    begun = otp.monotonic()
    try:
        value = await GenServer.call(server, "hello")
    except otp.ServerDown as error:
        s.gets(error)
        at_once = "at once" if otp.monotonic() == begun else "later"
        return f"the server ends, and the caller gets ServerDown {at_once}"
    except otp.CallTimeout:
        return "the caller waits 5 s"
    return f"it answers {value!r}"


@scenario("s12.p3")
async def p3(s: Scenario) -> str:
    """Ten services by hand have ten loops, ten servers share that of GenServer: count the functions with a loop."""
    loops = [
        compile(
            f"async def serve_{n}():\n    while True:\n        await otp.receive(timeout=5)\n",
            f"service_{n}.py",
            "exec",
        )
        for n in range(10)
    ]
    servers = [type(f"Service{n}", (GenServer,), {"init": lambda self, arg: Ok(arg)}) for n in range(10)]
    shared = {server.__mro__[1].__module__ for server in servers}
    return f"{len({loop.co_filename for loop in loops})} by hand, {len(shared)} with OTP"


@scenario("s12.p4")
async def p4(s: Scenario) -> str:
    """Reply returned from handle_cast."""
    server_class: Any = type("Server", (GenServer,), methods("handle_cast", Reply(1, 0)))
    server = s.name(await server_class.start(None), "server")
    ref = otp.monitor(server)
    GenServer.cast(server, "hello")
    down = await otp.receive(ref, timeout=1)
    return f"the server ends with ({down.reason[0]!r}, …)" if is_bad(down.reason) else "it goes on"
