"""Random scenarios, each made from its seed alone.

A scenario is a plot: a cast of processes, then incidents drawn from a table of weights. Nothing in it depends on real
time: what sleeps and what times out is in the catalogue of recorded scenarios.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

Json = Any
Step = dict[str, Any]
Scenario = dict[str, Any]

ENDS: Final = (":normal", ":shutdown", {"t": [":shutdown", ":why"]}, ":crash", {"t": [":odd", 1]})
SIGNALS: Final = (*ENDS, ":kill", ":killed")
NAMES: Final = ("alpha", "beta")


def scenario(seed: int) -> Scenario:
    """The scenario of a seed: the same on every machine and Python."""
    plot = Plot(seed)
    family = plot.rng.choices(("processes", "servers", "tree", "dynamic"), (3, 3, 5, 2))[0]
    {"processes": processes, "servers": servers, "tree": tree, "dynamic": dynamic}[family](plot)
    made: Scenario = {"id": f"fuzz/{family}/{seed}", "family": family, "seed": seed, "steps": plot.steps}
    if any(step["op"] == "link" or step.get("by") for step in plot.steps):
        made["links"] = True
    return made


def cmd(**command: Json) -> Json:
    """A message with an instruction for a server."""
    return {"cmd": command}


class Plot:
    """The steps of a scenario while it is made."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(f"otp/{seed}")
        self.steps: list[Step] = []
        self.servers: list[str] = []
        self.supervisors: dict[str, list[str]] = {}
        self._count = 0

    def step(self, op: str, **fields: Json) -> None:
        """Add a step; `as_` and `async_` lose their underscore."""
        self.steps.append({"op": op, **{key.rstrip("_"): value for key, value in fields.items()}})

    def key(self, kind: str) -> str:
        """A new key."""
        self._count += 1
        return f"{kind}{self._count}"

    def maybe(self, chance: float) -> bool:
        """True in `chance` of all cases."""
        return self.rng.random() < chance

    def one(self, *options: Json) -> Json:
        """Return one of them."""
        return self.rng.choice(options)

    def incidents(self, count: int, table: dict[Callable[[], None], int]) -> None:
        """Return this many incidents, drawn by weight."""
        for happen in self.rng.choices(list(table), list(table.values()), k=count):
            happen()

    # what servers are told

    def ending(self) -> Json:
        """A command that ends a server."""
        how = self.one("stop", "exit", "error", "throw", "bad")
        return cmd(**{how: self.one(*ENDS) if how == "stop" else self.one(":crash", ":normal", ":shutdown")})

    def failing(self) -> Json:
        """An init that does not lead to a running server."""
        return self.one(
            "ignore", {"stop": ":no"}, {"stop": ":normal"}, {"stop": ":shutdown"}, {"exit": ":no"}, {"error": ":no"}
        )

    def farewell(self) -> Json:
        """The error that terminate raises."""
        return {self.one("exit", "error", "throw"): self.one(":late", ":normal", ":shutdown")}

    def hurt(self, key: str) -> None:
        """End a server in one of many ways."""
        match self.rng.randrange(8):
            case 0 | 1:
                self.step("exit_signal", to=key, reason=":kill")
            case 2:
                self.step("exit_signal", to=key, reason=self.one(*SIGNALS))
            case 3:
                self.step("stop", to=key, reason=self.one(*ENDS))
            case 4:
                self.step("call", to=key, msg=self.ending())
            case _:
                self.step("cast", to=key, msg=self.ending())


def processes(plot: Plot) -> None:
    """Plain processes: links, monitors, exits, names."""
    cast = [plot.key("p") for _ in range(plot.rng.randint(3, 6))]
    for key in cast:
        plot.step("spawn", as_=key, trap=plot.maybe(0.4))
    labels: dict[str, str] = {}

    def anyone() -> str:
        return plot.one(*cast, "main")

    def watch() -> None:
        by, label = anyone(), plot.key("m")
        labels[label] = by
        plot.step("monitor", to={"name": plot.one(*NAMES)} if plot.maybe(0.2) else anyone(), label=label, by=by)

    def unwatch() -> None:
        if labels:
            label = plot.one(*labels)
            options = plot.one([], ["flush"], ["info"], ["flush", "info"])
            plot.step("demonitor", label=label, by=labels[label], opts=options)

    def spawn() -> None:
        key = plot.key("p")
        mode = plot.one("plain", "link", "monitor")
        label = {"label": plot.key("m")} if mode == "monitor" else {}
        plot.step("spawn", as_=key, trap=plot.maybe(0.4), mode=mode, by=plot.one(*cast[:3], "main"), **label)
        cast.append(key)

    def mail() -> None:
        to = {"name": plot.one(*NAMES)} if plot.maybe(0.4) else anyone()
        plot.step("send", to=to, msg=plot.one(1, ":word", [1, "text"], {"t": [":from", {"self": 1}]}), by=anyone())

    def leave() -> None:
        kind = plot.one("exit", "exit", "error", "throw", "return")
        plot.step("exit_self", by=plot.one(*cast), reason=plot.one(*SIGNALS), class_=kind)

    items = ("links", "monitors", "monitored_by", "registered_name", "trap_exit")
    plot.incidents(
        plot.rng.randint(8, 30),
        {
            lambda: plot.step("link", to=anyone(), by=anyone()): 24,
            lambda: plot.step("unlink", to=anyone(), by=anyone()): 5,
            watch: 14,
            unwatch: 5,
            spawn: 6,
            mail: 7,
            leave: 11,
            lambda: plot.step("exit_signal", to=plot.one(*cast), reason=plot.one(*SIGNALS), by=anyone()): 10,
            lambda: plot.step("trap", on=plot.maybe(0.5), by=plot.one(*cast)): 4,
            lambda: plot.step("register", name=plot.one(*NAMES), to=anyone()): 5,
            lambda: plot.step("unregister", name=plot.one(*NAMES)): 3,
            lambda: plot.step("whereis", name=plot.one(*NAMES)): 3,
            lambda: plot.step("is_alive", to=anyone()): 3,
            lambda: plot.step("process_info", to=anyone(), item=plot.one(*items)): 6,
        },
    )


def servers(plot: Plot) -> None:
    """Servers: every result of every callback, callers that wait, names, suspension."""
    waiting: dict[str, str] = {}

    def start() -> None:
        key = plot.key("g")
        spec: dict[str, Json] = {"trap": plot.maybe(0.5)}
        if plot.maybe(0.4):
            spec["name"] = plot.one(*NAMES)
        if plot.maybe(0.3):
            begin = plot.one(plot.failing(), {"continue": ":on"}, {"continue": plot.ending()}, "hibernate", {"bad": 1})
            spec["init"] = [begin]
        if plot.maybe(0.2):
            spec["terminate"] = plot.farewell()
        mode = plot.one("link", "link", "nolink", "monitor")
        plot.step(
            "start_server", as_=key, spec=spec, mode=mode, **({"label": plot.key("m")} if mode == "monitor" else {})
        )
        plot.servers.append(key)

    def anyone() -> Json:
        return {"name": plot.one(*NAMES)} if plot.maybe(0.2) else plot.one(*plot.servers)

    def ask() -> None:
        replies = (
            cmd(reply=7),
            cmd(reply=":r", stop=plot.one(*ENDS)),
            cmd(reply=":r", throw=True),
            {"cmd": {"reply": ":r", "continue": ":on"}},
            {"cmd": {"reply": ":r", "continue": plot.ending()}},
            cmd(early=":e", exit=":crash"),
            cmd(reply=":r", hibernate=True),
            cmd(ops=[{"op": "call", "to": plot.one(*plot.servers), "msg": cmd(reply=":inner")}]),
            [1, {"t": [":plain"]}],
        )
        plot.step("call", to=anyone(), msg=plot.one(*replies))

    def hold() -> None:
        caller, tag, to = plot.key("q"), plot.key("h"), plot.one(*plot.servers)
        plot.step("spawn", as_=caller, trap=plot.maybe(0.5))
        plot.step("call", to=to, msg=cmd(hold=tag), by=caller, async_=True)
        waiting[tag] = to

    def release() -> None:
        if waiting:
            tag = plot.one(*waiting)
            plot.step("cast", to=waiting[tag], msg=cmd(release=tag, value=plot.rng.randrange(9)))

    def tell() -> None:
        message = plot.one(":word", 1, {"cmd": {"continue": ":on"}}, cmd(timeout=0), cmd(hibernate=True))
        plot.step(plot.one("cast", "send"), to=plot.one(*plot.servers), msg=message)

    def pause() -> None:
        to = plot.one(*plot.servers)
        plot.step("cast", to=to, msg=":awake")
        plot.step("sys_suspend", to=to)
        for _ in range(plot.rng.randint(2, 4)):
            plot.step(plot.one("cast", "send"), to=to, msg=plot.one(1, 2, plot.ending(), cmd(timeout=0)))
        plot.step("sys_resume", to=to)

    start()
    plot.incidents(
        plot.rng.randint(6, 24),
        {
            start: 12,
            ask: 20,
            hold: 10,
            release: 8,
            tell: 10,
            pause: 4,
            lambda: plot.hurt(plot.one(*plot.servers)): 22,
            lambda: plot.step("monitor", to=anyone(), label=plot.key("m")): 5,
            lambda: plot.step("whereis", name=plot.one(*NAMES)): 3,
        },
    )


def tree(plot: Plot) -> None:
    """Supervision trees: every strategy and restart type, failing restarts, operations on children."""
    plot.step("start_sup", as_="root", spec=_supervisor(plot, "root", plot.rng.choice((0, 0, 1, 1, 2))))
    if plot.maybe(0.4):
        plot.step("monitor", to="root", label=plot.key("m"))
    plot.incidents(
        plot.rng.randint(4, 18),
        {
            lambda: plot.hurt(plot.one(*plot.servers)) if plot.servers else None: 12,
            lambda: _operate(plot): 9,
            lambda: _together(plot): 2,
            lambda: _end_a_supervisor(plot): 1,
        },
    )
    plot.step("which_children", sup="root")
    plot.step("count_children", sup="root")
    if plot.maybe(0.6):
        plot.step("exit_signal", to="root", reason=plot.one(":shutdown", ":shutdown", ":crash", ":normal"))


def dynamic(plot: Plot) -> None:
    """A simple_one_for_one supervisor."""
    template: dict[str, Json] = {"id": "any", "restart": plot.one("permanent", "transient", "temporary")}
    template["start"] = {"trap": plot.maybe(0.6)}
    if plot.maybe(0.2):
        template["shutdown"] = plot.one("brutal_kill", "infinity", 4000)
    spec = {"strategy": "simple_one_for_one", "intensity": plot.rng.randrange(5), "period": 60, "children": [template]}
    plot.step("start_sup", as_="root", spec=spec)

    def start() -> None:
        key = plot.key("d")
        own: dict[str, Json] = {"key": key}
        if plot.maybe(0.3):  # never "ignore" at a restart: that is an accident of OTP 25
            own["init"] = plot.one(
                ["ok", {"stop": ":no"}, "ok"], ["ok", {"exit": ":no"}, {"error": ":no"}, "ok"], [plot.failing()]
            )
        if plot.maybe(0.15):
            own["terminate"] = plot.farewell()
        plot.step("start_child", sup="root", args=[own])
        plot.servers.append(key)

    start()
    plot.incidents(
        plot.rng.randint(4, 20),
        {
            start: 8,
            lambda: plot.hurt(plot.one(*plot.servers)): 8,
            lambda: plot.step("terminate_child", sup="root", pid=plot.one(*plot.servers)): 3,
            lambda: plot.step("which_children", sup="root"): 2,
            lambda: plot.step("count_children", sup="root"): 2,
            lambda: plot.step("restart_child", sup="root", id="any"): 1,
        },
    )
    plot.step("count_children", sup="root")
    if plot.maybe(0.6):
        plot.step("exit_signal", to="root", reason=":shutdown")


def _supervisor(plot: Plot, key: str, depth: int) -> dict[str, Json]:
    strategy = plot.one("one_for_one", "one_for_all", "rest_for_one")
    spec: dict[str, Json] = {"strategy": strategy, "intensity": plot.rng.randrange(7), "period": 60}
    significant = plot.maybe(0.2)
    if significant:
        spec["auto_shutdown"] = plot.one("any_significant", "all_significant")
    ids = plot.supervisors[key] = []
    spec["children"] = [
        _child(plot, ids, depth if plot.maybe(0.4) else 0, significant) for _ in range(plot.rng.randint(1, 4))
    ]
    return spec


def _child(plot: Plot, ids: list[str], depth: int, significant: bool) -> dict[str, Json]:
    key = plot.key("s" if depth else "c")
    ids.append(key)
    child: dict[str, Json] = {"id": key}
    if plot.maybe(0.6):
        child["restart"] = plot.one("permanent", "transient", "temporary")
    if significant and plot.maybe(0.5):
        child |= {"restart": plot.one("transient", "temporary"), "significant": True}
    if depth:
        child |= {"type": "supervisor", "start": {"kind": "sup", **_supervisor(plot, key, depth - 1)}}
        return child
    plot.servers.append(key)
    if plot.maybe(0.15):
        child["shutdown"] = plot.one("brutal_kill", "infinity", 4000)
    start: dict[str, Json] = {"trap": plot.maybe(0.7)}
    if plot.maybe(0.3):
        start["init"] = ["ok", *(plot.failing() for _ in range(plot.rng.randint(1, 2))), "ok"]
    elif plot.maybe(0.1):
        start["init"] = plot.one([{"continue": ":on"}], ["hibernate"], [plot.failing()])
    if plot.maybe(0.12):
        start["terminate"] = plot.farewell()
    child["start"] = start
    return child


def _operate(plot: Plot) -> None:
    """An operation on the children of a supervisor."""
    supervisor = plot.one(*plot.supervisors)
    ids = plot.supervisors[supervisor]
    target = plot.one(*ids) if ids and plot.maybe(0.9) else "nobody"
    match plot.rng.randrange(10):
        case 0 | 1:
            plot.step("terminate_child", sup=supervisor, id=target)
        case 2 | 3:
            plot.step("restart_child", sup=supervisor, id=target)
        case 4:
            plot.step("delete_child", sup=supervisor, id=target)
        case 5 | 6:
            plot.step("start_child", sup=supervisor, child=_child(plot, ids, 0, False))
        case 7:
            plot.step("get_childspec", sup=supervisor, id=target)
        case 8:
            plot.step("which_children", sup=supervisor)
        case _:
            plot.step("count_children", sup=supervisor)


def _together(plot: Plot) -> None:
    """Several children die while their supervisor is suspended: it learns of all at once, in order."""
    supervisor = plot.one(*plot.supervisors)
    children = [key for key in plot.supervisors[supervisor] if key in plot.servers]
    if len(children) > 1:
        plot.step("sys_suspend", to=supervisor)
        for key in plot.rng.sample(children, 2):
            plot.step("exit_signal", to=key, reason=":kill")
        plot.step("sys_resume", to=supervisor)


def _end_a_supervisor(plot: Plot) -> None:
    key = plot.one(*plot.supervisors)
    if key != "root":
        plot.step("exit_signal", to=key, reason=plot.one(":kill", ":shutdown", ":crash"))
