"""GenServers under test: their callbacks do what the scenario's behaviours and commands say.

The callbacks are plain functions, so that calls to them can run inline; only a command that has to sleep or to wait
makes its callback return a coroutine.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import otp
from otp import Continue, GenServer, Ignore, NoReply, Ok, Reply, Stop
from replay import actors
from replay.performing import perform
from replay.terms import Command, decode, seconds
from replay.world import Owner, World


class Plan:
    """The start argument of a server under test. Not a dataclass: child specs pass it by reference."""

    __slots__ = ("owner", "spec", "world")

    def __init__(self, world: World, spec: dict[str, Any], owner: Owner | None) -> None:
        self.world = world
        self.spec = spec
        self.owner = owner


class State:
    """The state of a server under test: its identity and its unanswered callers."""

    __slots__ = ("held", "name", "spec", "world")

    def __init__(self, world: World, name: str, spec: dict[str, Any]) -> None:
        self.world = world
        self.name = name
        self.spec = spec
        self.held: dict[str, Any] = {}

    def term(self, json: Any) -> Any:
        """A term of the scenario."""
        return decode(json, self.world)

    def perform(self, ops: list[dict[str, Any]]) -> Coroutine[Any, Any, None] | None:
        """Run operations in this server."""
        return perform(self.world, self.name, ops)


def then(first: Coroutine[Any, Any, None] | None, rest: Callable[[], Any]) -> Any:
    """`rest()` now, or a coroutine that gives it after `first`."""
    return rest() if first is None else _then(first, rest)


async def _then(first: Awaitable[None], rest: Callable[[], Any]) -> Any:
    await first
    result = rest()
    return await result if isinstance(result, Coroutine) else result


def attempt(behaviours: list[Any], number: int) -> Any:
    """The behaviour of start attempt `number`: the last one repeats."""
    return behaviours[min(number, len(behaviours)) - 1]


class ScriptedServer(GenServer[State]):
    """A server that follows instructions."""

    def init(self, arg: Plan) -> Any:
        """Enter the log under a new name and show the behaviour of this attempt."""
        world, spec = arg.world, arg.spec
        name, number = world.enter(spec["key"], arg.owner)
        if spec.get("trap"):
            otp.process_flag("trap_exit", True)
        behaviour = attempt(spec.get("init", ["ok"]), number)
        world.log.init(name, behaviour)
        return begin(behaviour, State(world, name, spec))

    def handle_call(self, request: Any, caller: otp.From, state: State) -> Any:
        """Log the request and answer as it says."""
        state.world.log.callback(state.name, "call", request)
        return answer(request, caller, state) if isinstance(request, Command) else Reply("ok", state)

    def handle_cast(self, request: Any, state: State) -> Any:
        """Log the request and do what it says."""
        state.world.log.callback(state.name, "cast", request)
        return obey(request, state)

    def handle_info(self, message: Any, state: State) -> Any:
        """Execute a step, or log the message and do what it says."""
        if isinstance(message, actors.Step):
            return then(state.perform([message.op]), lambda: _executed(message, state))
        if isinstance(message, otp.Timeout):
            state.world.log.callback(state.name, "timeout")
            return NoReply(state)
        state.world.log.callback(state.name, "info", message)
        return obey(message, state)

    def handle_continue(self, term: Any, state: State) -> Any:
        """Log the term and do what it says."""
        state.world.log.callback(state.name, "continue", term)
        return obey(term, state)

    def terminate(self, reason: Any, state: State) -> Any:
        """Log the reason and end as the spec says."""
        state.world.log.terminate(state.name, reason)
        match state.spec.get("terminate", "ok"):
            case {"slow": ms}:
                return state.world.sleep(ms)
            case "hang":
                return state.world.sleep(60_000)
            case {"ops": ops}:
                return state.perform(ops)
            case {"exit": term}:
                raise otp.Exit(state.term(term))
            case {"error": term}:
                raise otp.Error(state.term(term))
            case {"throw": term}:
                raise otp.Throw(state.term(term))
            case _:
                return None


def _executed(step: actors.Step, state: State) -> NoReply:
    state.world.done(step.token)
    return NoReply(state)


def begin(behaviour: Any, state: State) -> Any:
    """The result of an init callback that shows `behaviour`."""
    match behaviour:
        case "ok":
            return Ok(state)
        case "ignore":
            return Ignore()
        case "hibernate":
            return Ok(state, hibernate=True)
        case {"slow": ms}:
            return then(state.world.sleep(ms), lambda: begin(behaviour.get("then", "ok"), state))
        case {"ops": ops}:
            return then(state.perform(ops), lambda: begin(behaviour.get("then", "ok"), state))
        case {"stop": term}:
            return Stop(state.term(term))
        case {"exit": term}:
            raise otp.Exit(state.term(term))
        case {"error": term}:
            raise otp.Error(state.term(term))
        case {"throw": term}:
            raise otp.Throw(result_of_init(state.term(term)))
        case {"bad": term}:
            return result_of_init(state.term(term))
        case {"timeout": ms}:
            return Ok(state, timeout=seconds(ms))
        case {"continue": term}:
            return Ok(state, then=Continue(state.term(term)))
        case _:
            raise NotImplementedError(f"init behaviour {behaviour!r}")


def result_of_init(value: Any) -> Any:
    """A term that is a valid result of init, as the result that it is."""
    match value:
        case "ignore":
            return Ignore()
        case ("stop", reason):
            return Stop(reason)
        case _:
            return value


def answer(request: Command, caller: otp.From, state: State) -> Any:
    """The result of a handle_call with a command."""
    match request:
        case {"reply": term}:
            return reply(request, state.term(term), caller, state)
        case {"early": early}:
            GenServer.reply(caller, state.term(early))
            return obey(Command({key: value for key, value in request.items() if key != "early"}), state)
        case {"hold": tag}:
            state.held[tag] = caller
            return NoReply(state, timeout=seconds(request["timeout"])) if "timeout" in request else NoReply(state)
        case {"ops": ops}:
            return then(state.perform(ops), lambda: after_ops(request.get("then", {"reply": ":ok"}), state))
        case _:
            return obey(request, state)


def after_ops(command: dict[str, Any], state: State) -> Any:
    """Return the result of a handle_call after its operations."""
    return Reply(state.term(command["reply"]), state) if "reply" in command else obey(Command(command), state)


def reply(request: Command, value: Any, caller: otp.From, state: State) -> Any:
    """The result of a handle_call that replies `value`, with what else the command asks for."""
    match request:
        case {"timeout": ms}:
            return Reply(value, state, timeout=seconds(ms))
        case {"continue": term}:
            return Reply(value, state, then=Continue(state.term(term)))
        case {"hibernate": True}:
            return Reply(value, state, hibernate=True)
        case {"slow": ms}:
            if "early" in request:
                GenServer.reply(caller, state.term(request["early"]))
            return then(state.world.sleep(ms), lambda: Reply(value, state))
        case {"early": early}:
            GenServer.reply(caller, state.term(early))
            return Reply(value, state)
        case {"stop": reason}:
            return Stop(state.term(reason), state, reply=value)
        case {"throw": True}:
            raise otp.Throw(Reply(value, state))
        case _:
            return Reply(value, state)


def obey(command: Any, state: State) -> Any:
    """The result of a handle_cast, handle_info or handle_continue."""
    if not isinstance(command, Command):
        return NoReply(state)
    match command:
        case {"ops": ops}:
            return then(state.perform(ops), lambda: obey(Command(command.get("then", {})), state))
        case {"release": tag}:
            caller = state.held.pop(tag, None)
            if caller is not None:
                GenServer.reply(caller, state.term(command.get("value", ":ok")))
            return NoReply(state)
        case {"stop": term}:
            return Stop(state.term(term), state)
        case {"exit": term}:
            raise otp.Exit(state.term(term))
        case {"error": term}:
            raise otp.Error(state.term(term))
        case {"throw": term}:
            raise otp.Throw(state.term(term))
        case {"bad": term}:
            return state.term(term)
        case {"slow": ms}:
            return then(state.world.sleep(ms), lambda: NoReply(state))
        case {"timeout": ms}:
            return NoReply(state, timeout=seconds(ms))
        case {"continue": term}:
            return NoReply(state, then=Continue(state.term(term)))
        case {"hibernate": True}:
            return NoReply(state, hibernate=True)
        case _:
            return NoReply(state)
