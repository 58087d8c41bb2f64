import time
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import otp

NUMBERS = count(1)


@dataclass(frozen=True)
class Message:
    type: str
    id: Any
    payload: Any = None
    timestamp: float = field(default_factory=time.time, compare=False)

    def new(type, id, payload=None):
        return Message(type, id, payload)

    def task(id, action, params=None):
        return Message("task", id, {"action": action, "params": dict(params or {})})

    def response(id, result):
        return Message("response", id, result)

    def error(id, reason):
        return Message("error", id, reason)


async def ask(pid, *question, timeout=5):
    ref = otp.monitor(pid)
    otp.send(pid, (*question, otp.self(), ref))
    try:
        answer = await otp.receive(ref, timeout=timeout)
    finally:
        otp.demonitor(ref, flush=True)
    if isinstance(answer, otp.Down):
        raise otp.Exit(("agent_down", answer.reason))
    return answer[1]


# The registry


async def registry(starter):
    otp.register("AgentRegistry", otp.self())
    otp.send(starter, (otp.self(), "ready"))
    owners = {}  # name: (pid, meta, monitor)
    while True:
        message = await otp.receive()
        if isinstance(message, otp.Down):
            owners = {name: owner for name, owner in owners.items() if owner[2] != message.ref}
            continue
        match message:
            case ("register", name, meta, from_, ref):
                if name not in owners:
                    owners[name] = (from_, meta, otp.monitor(from_))
                answer = owners[name][0]
            case ("unregister", name, from_, ref):
                if name in owners and owners[name][0] == from_:
                    otp.demonitor(owners.pop(name)[2], flush=True)
                answer = None
            case ("owners", from_, ref):
                answer = {name: (pid, meta) for name, (pid, meta, _) in owners.items()}
            case _:
                continue
        otp.send(from_, (ref, answer))


async def asked(*question):
    pid = otp.whereis("AgentRegistry")
    if pid is None:
        raise otp.Exit(("agent_down", "noproc"))
    return await ask(pid, *question)


class AgentRegistry:
    async def start_link():
        pid = otp.spawn_link(registry, otp.self())
        await otp.receive(lambda message: message == (pid, "ready"))
        return pid

    def running():
        return otp.whereis("AgentRegistry") is not None

    async def register(name, meta=None):
        pid = await asked("register", name, meta)
        if pid != otp.self():
            raise otp.AlreadyRegistered(pid)

    async def unregister(name):
        await asked("unregister", name)

    async def lookup_with_meta(name):
        return (await asked("owners")).get(name)

    async def lookup(name):
        pid, _ = await AgentRegistry.lookup_with_meta(name) or (None, None)
        return pid

    async def exists(name):
        return name in await asked("owners")

    async def list():
        return [*await asked("owners")]

    async def list_with_pids():
        return [(name, pid) for name, (pid, _) in (await asked("owners")).items()]

    async def count():
        return len(await asked("owners"))

    async def send(name, message):
        pid = await AgentRegistry.lookup(name)
        if pid is not None:
            otp.send(pid, message)
        return pid is not None

    async def broadcast(message):
        owners = await asked("owners")
        for pid, _ in owners.values():
            otp.send(pid, message)
        return len(owners)


# An agent


def result_of(message):
    match message:
        case Message(type="task", payload={"action": "search", "params": {"query": query}}):
            return "ok", f"Search results for: {query}"
        case Message(type="task", payload={"action": "analyze", "params": {"data": data}}):
            return "ok", f"Analysis of: {data}"
        case Message(type="task", payload={"action": "summarize", "params": {"text": text}}):
            return "ok", text[:50]
        case Message(type="task", payload={"action": action}):
            return "error", ("unknown_action", action)
        case Message(type="response" | "error" as type):
            return f"received_{type}", message.payload
        case _:
            return "error", ("invalid_message", message)


async def pass_on(target, task, from_, ref):
    found = AgentRegistry.running() and await AgentRegistry.send(target, ("receive_task", task))
    otp.send(from_, (ref, ("delegated", target, task.id) if found else ("error", ("agent_not_found", target))))


async def agent(name, memory, starter):
    if starter is not None:
        try:
            await AgentRegistry.register(name)
        except otp.AlreadyRegistered as taken:
            otp.send(starter, (otp.self(), taken.pid))
            return
        otp.send(starter, (otp.self(), None))
    inbox = []
    processed = 0
    while True:
        match await otp.receive():
            case "stop":
                return
            case ("crash", reason):
                otp.exit(reason)
            case ("remember", key, value):
                memory = memory | {key: value}
            case "forget_all":
                memory = {}
            case ("receive_task", message):
                inbox = [*inbox, message]
            case ("delegate", target, action, params, from_, ref):
                otp.spawn(pass_on, target, Message.task(next(NUMBERS), action, params), from_, ref)
            case ("process_next", from_, ref) if inbox:
                message, *inbox = inbox
                memory = memory | {"last_result": result_of(message)}
                processed += 1
                otp.send(from_, (ref, ("processed", message, memory["last_result"])))
            case ("process_next", from_, ref):
                otp.send(from_, (ref, ("empty", None)))
            case ("get_state", from_, ref):
                state = {"name": name, "status": "idle", "memory": dict(memory), "inbox": list(inbox)}
                otp.send(from_, (ref, state | {"processed_count": processed}))
            case ("get_status", from_, ref):
                otp.send(from_, (ref, "idle"))
            case ("recall", key, from_, ref):
                otp.send(from_, (ref, memory.get(key)))
            case ("inbox_count", from_, ref):
                otp.send(from_, (ref, len(inbox)))
            case ("peek_task", from_, ref):
                otp.send(from_, (ref, inbox[0] if inbox else None))
            case _:
                pass


async def begun(spawn, name, memory, register):
    pid = spawn(agent, name, dict(memory or {}), otp.self() if register else None)
    if register:
        _, taken = await otp.receive(lambda message: type(message) is tuple and message[0] == pid)
        if taken is not None:
            raise otp.AlreadyRegistered(taken)
    return pid


class ProcessAgent:
    async def start(name, *, memory=None, register=False):
        return await begun(otp.spawn, name, memory, register)

    async def start_link(name, *, memory=None, register=False):
        return await begun(otp.spawn_link, name, memory, register)

    def stop(agent):
        otp.send(agent, "stop")

    def crash(agent, reason):
        otp.send(agent, ("crash", reason))

    def remember(agent, key, value):
        otp.send(agent, ("remember", key, value))

    def forget_all(agent):
        otp.send(agent, "forget_all")

    def send_task(agent, action, params=None):
        otp.send(agent, ("receive_task", Message.task(next(NUMBERS), action, params)))

    def send_message(agent, message):
        otp.send(agent, ("receive_task", message))

    async def get_state(agent, timeout=5):
        return await ask(agent, "get_state", timeout=timeout)

    async def get_status(agent):
        return await ask(agent, "get_status")

    async def recall(agent, key):
        return await ask(agent, "recall", key)

    async def inbox_count(agent):
        return await ask(agent, "inbox_count")

    async def peek_task(agent):
        return await ask(agent, "peek_task")

    async def process_next(agent):
        return await ask(agent, "process_next")

    async def delegate(agent, target, action, params=None):
        return await ask(agent, "delegate", target, action, params)


# The monitor


@dataclass
class Watched:
    pid: otp.Pid | None
    config: dict
    restarts: int = 0


class Monitor:
    def __init__(self, parent, policy, max_restarts, max_seconds, delay):
        self.parent, self.policy, self.delay = parent, policy, delay
        self.max_restarts, self.max_seconds = max_restarts, max_seconds
        self.agents = {}
        self.times = []

    async def run(self):
        otp.process_flag("trap_exit", True)
        while True:
            message = await otp.receive()
            if message == "stop":
                return await self.end_all()
            if isinstance(message, otp.ExitSignal):
                await self.ended(message.pid, message.reason)
            elif message[0] == "restart":
                await self.restart(*message[1:])
            else:
                *question, from_, ref = message
                otp.send(from_, (ref, await getattr(self, question[0])(*question[1:])))

    async def start_agent(self, name, config):
        if name in self.agents:
            return self.agents[name].pid, "taken"
        try:
            pid = await ProcessAgent.start_link(name, **config)
        except otp.AlreadyRegistered as taken:
            return taken.pid, "taken"
        self.agents[name] = Watched(pid, config)
        return pid, "ok"

    async def monitor_agent(self, name, pid, config):
        if name in self.agents:
            return self.agents[name].pid, "taken"
        otp.link(pid)
        self.agents[name] = Watched(pid, config)
        return pid, "ok"

    async def unmonitor_agent(self, name, stop):
        one = self.agents.pop(name, None)
        if one is not None and one.pid is not None:
            otp.unlink(one.pid)
            if stop:
                ProcessAgent.stop(one.pid)

    async def list_agents(self):
        return sorted((name, one.pid) for name, one in self.agents.items() if one.pid is not None)

    async def status(self):
        return {
            "agent_count": len(self.agents),
            "restart_policy": self.policy,
            "max_restarts": self.max_restarts,
            "agents": {name: {"pid": one.pid, "restart_count": one.restarts} for name, one in self.agents.items()},
        }

    async def ended(self, pid, reason):
        if pid == self.parent:
            await self.end_all()
            otp.exit(reason)
        for name, one in [*self.agents.items()]:
            if one.pid == pid:
                one.pid = None
                if not self.needs_restart(reason):
                    del self.agents[name]
                elif not self.is_too_often(one):
                    otp.send_after(self.delay, otp.self(), ("restart", name, one))
                elif self.max_seconds is None:
                    del self.agents[name]
                else:
                    await self.end_all()
                    otp.exit("shutdown")

    def needs_restart(self, reason):
        is_normal = reason in ("normal", "shutdown") or (isinstance(reason, tuple) and reason[0] == "shutdown")
        return self.policy == "always" or (self.policy == "transient" and not is_normal)

    def is_too_often(self, one):
        if self.max_seconds is None:
            return one.restarts >= self.max_restarts
        now = otp.monotonic()
        self.times = [*(at for at in self.times if now - at <= self.max_seconds), now]
        return len(self.times) > self.max_restarts

    async def restart(self, name, one):
        if self.agents.get(name) is one:
            one.restarts += 1
            try:
                one.pid = await ProcessAgent.start_link(name, **one.config)
            except otp.AlreadyRegistered:
                del self.agents[name]

    async def end_all(self):
        for one in reversed(self.agents.values()):
            if one.pid is not None:
                otp.exit(one.pid, "shutdown")
                await otp.wait_down(one.pid)


def pid_of(answer):
    pid, word = answer
    if word == "taken":
        raise otp.AlreadyStarted(pid)
    return pid


class AgentMonitor:
    async def start_link(*, restart_policy="always", max_restarts=5, max_seconds=None, delay=0.1):
        monitor = Monitor(otp.self(), restart_policy, max_restarts, max_seconds, delay)
        return otp.spawn_link(monitor.run)

    async def stop(monitor):
        otp.unlink(monitor)
        otp.send(monitor, "stop")
        await otp.wait_down(monitor)

    async def start_agent(monitor, name, *, memory=None, register=False):
        return pid_of(await ask(monitor, "start_agent", name, {"memory": dict(memory or {}), "register": register}))

    async def monitor_agent(monitor, name, pid, config=None):
        pid_of(await ask(monitor, "monitor_agent", name, pid, config or {}))

    async def unmonitor_agent(monitor, name, *, stop_agent=False):
        await ask(monitor, "unmonitor_agent", name, stop_agent)

    async def list_agents(monitor):
        return await ask(monitor, "list_agents")

    async def status(monitor):
        return await ask(monitor, "status")
