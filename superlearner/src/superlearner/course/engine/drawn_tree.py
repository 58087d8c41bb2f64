r"""A drawn tree of supervisors and workers: what each label stands for, and the processes themselves.

>>> (root,) = read_drawing(
...     "System (rest_for_one)\n  Store\n  Crew (Supervisor)\n    Ann\n  Helpers (DynamicSupervisor)"
... )
>>> [role_of(each, root) for each in (root, *below(root))]
['rest_for_one', 'store', 'one_for_one', 'worker', 'dynamic']
"""

# What starts a child has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import re
from typing import Any, Final

import otp
from otp import ChildSpec, DynamicSupervisor, GenServer, Ok, Supervisor, impl
from superlearner.course.engine.drawings import Drawn, read_drawing
from superlearner.course.engine.values import nearest

__all__ = [
    "STRATEGIES", "Part", "below", "describe_misread_remark", "dynamic_in", "is_marked_as_server", "is_supervisor",
    "role_of", "start_drawing", "stores_in", "strategy_of",
]  # fmt: skip

STRATEGIES: Final = ("one_for_all", "rest_for_one", "one_for_one")
SUPERVISORS: Final = ("sup", "supervisor", "root", "app", "application")
STORES: Final = ("store", "state", "cache", "table", "memory", "storage", "database")
STORE: Final = re.compile(r"(?:the )?(?:(?:state|data|shared|key-value) )?(?:store|storage|state|cache|table)", re.I)
DYNAMIC: Final = re.compile(r"dynamic|simple_one_for_one", re.I)
SUPERVISES: Final = re.compile(r"\b(?:sup|supervisor)\b", re.I)
SUPERVISES_ONLY: Final = re.compile(rf"{'|'.join(STRATEGIES)}|dynamic")
SERVES: Final = re.compile(r"(?:a )?(?:gen_?server|worker|server|agent|process)(?!\w)", re.I)
STRATEGY: Final = re.compile(rf"(?<!\w)(?:{'|'.join(STRATEGIES)})(?!\w)")
WORKS: Final = re.compile(r"(?:a )?worker", re.I)
WORD: Final = re.compile(r"[a-z]\w*")
REMARKS: Final = frozenset({
    "supervisor", "supervisors", "supervision", "permanent", "temporary", "transient", "static", "root", "worker",
    "workers", "agent", "agents", "child", "children", "sup", "a", "the", "genserver", "gen_server", "server",
    "process",
})  # fmt: skip
"""Words in brackets behind the name of a supervisor that mean no strategy."""


def below(drawn: Drawn) -> list[Drawn]:
    """Return all labels below one, in the order in which they start."""
    return [each for child in drawn.children for each in (child, *below(child))]


def role_of(drawn: Drawn, root: Drawn) -> str:
    """Return `worker`, `store`, `dynamic` or the strategy of a supervisor."""
    everyone = below(root)
    if drawn in stores_in(root):
        return "store"
    if drawn in dynamic_in(everyone):
        return "dynamic"
    return strategy_of(drawn, root) if drawn.children or is_supervisor(drawn) else "worker"


def stores_in(root: Drawn) -> list[Drawn]:
    """Return the labels whose names are those of stores.

    Without any, the store is the first of four permanent workers, if its crash restarts all the others.
    """
    everyone = below(root)
    if named := [each for each in everyone if _is_named_store(each)]:
        return named
    pools = dynamic_in(everyone)
    workers = [
        each
        for each in everyone
        if not each.children and not is_supervisor(each) and not any(each in pool.children for pool in pools)
    ]
    first = workers[0] if len(workers) == 4 else None
    above = next((each for each in (root, *everyone) if first in each.children), None)
    if first is None or above is None or strategy_of(above, root) == "one_for_one":
        return []
    with_it = {each for sibling in above.children for each in (sibling, *below(sibling))}
    return [first] if with_it.issuperset([*workers, *pools]) else []


def _is_named_store(drawn: Drawn) -> bool:
    """Return whether a label is a store by its name or brackets, unless it is marked as something else."""
    if _is_marked_as_worker(drawn) or any(map(SUPERVISES_ONLY.fullmatch, drawn.remarks)):
        return False
    words = [word for word in drawn.words if word not in ("server", "process")]
    if drawn.children:
        supervises = any(STRATEGY.search(remark) or SUPERVISES.search(remark) for remark in drawn.remarks)
        return bool(words) and words[-1] in STORES and not supervises and STRATEGY.search(drawn.label) is None
    return (bool(words) and words[-1] in STORES) or any(map(STORE.fullmatch, drawn.remarks))


def _is_marked_as_worker(drawn: Drawn) -> bool:
    """Return whether a label without children has `(worker)` behind its name."""
    return not drawn.children and any(map(WORKS.fullmatch, drawn.remarks))


def is_dynamic(drawn: Drawn) -> bool:
    """Return whether a label names a dynamic supervisor."""
    if _is_marked_as_worker(drawn):
        return False
    named = "dynamic" in drawn.words and (bool(drawn.children) or drawn.words[-1] in ("dynamic", *SUPERVISORS))
    return named or drawn.words[-1:] == ["pool"] or any(map(DYNAMIC.search, drawn.remarks))


def dynamic_in(everyone: list[Drawn]) -> list[Drawn]:
    """Return the labels called dynamic; if there are none, the pools without a strategy, else all pools."""
    found = [each for each in everyone if is_dynamic(each)]
    called = [each for each in found if "dynamic" in each.label.lower()]
    return called or [each for each in found if not STRATEGY.search(each.label)] or found


def is_supervisor(drawn: Drawn) -> bool:
    """Return whether a label is a supervisor by its name, by its brackets or by a strategy."""
    last = drawn.words if drawn.children else drawn.words[-1:]
    named = any(word in SUPERVISORS for word in last) or drawn.name.lower().endswith(("sup", "supervisor"))
    named = named or STRATEGY.search(drawn.name) is not None
    marked = any(SUPERVISES.search(remark) or STRATEGY.search(remark) for remark in drawn.remarks)
    return (named and not is_marked_as_server(drawn)) or marked or is_dynamic(drawn)


def is_marked_as_server(drawn: Drawn) -> bool:
    """Return whether the brackets behind a label name a server or a worker."""
    return any(map(SERVES.fullmatch, drawn.remarks))


def describe_misread_remark(drawn: Drawn) -> str | None:
    """Return why the brackets behind a label with children mean nothing; None if they are understood."""
    for remark in drawn.remarks:
        known = STRATEGY.search(remark) or DYNAMIC.search(remark) or REMARKS.issuperset(WORD.findall(remark.lower()))
        if known or not drawn.children:
            continue
        near = nearest(remark, STRATEGIES)
        hint = f"did you mean {near}?" if near else f"choose {', '.join(STRATEGIES[:-1])} or {STRATEGIES[-1]}"
        return f"{drawn.name}: ({remark}) is no strategy; {hint}"
    return None


def strategy_of(drawn: Drawn, root: Drawn) -> str:
    """Return the strategy in the brackets of a label, else the one in its name.

    By default the root has `rest_for_one`, and others `one_for_one`.
    """
    named = STRATEGY.search("\n".join((*drawn.remarks, drawn.label)))
    return named.group() if named else ("rest_for_one" if drawn is root else "one_for_one")


class Part(GenServer[None]):
    """Waits."""

    @impl
    def init(self, arg: None) -> Ok[None]:
        return Ok(arg)


class Worker(Part):
    """A worker, called so in a tree that runs."""


class Store(Part):
    """A store."""


_running: list[otp.Pid] = []
"""The root of the drawing that was started last."""


async def start_drawing(text: str) -> None:
    """Start the processes of a drawing, and stop those of the drawing before; for a workbench.

    Dynamic supervisors are real ones: their agents are started once, so after a restart they have none.
    """
    roots = read_drawing(text)
    if len(roots) != 1:
        raise ValueError(f"expected a drawing with one root, got {len(roots)}")
    (root,) = roots
    while _running:
        before = _running.pop()
        otp.exit(before, "shutdown")
        await otp.wait_down(before)
    pools, stores = dynamic_in(below(root)), stores_in(root)
    pids: dict[Drawn, otp.Pid] = {}

    def spec(drawn: Drawn, id: str) -> ChildSpec:
        if drawn not in pools and not drawn.children and not is_supervisor(drawn):
            return (Store if drawn in stores else Worker).child_spec(None, id=id)
        return ChildSpec(id, start=(lambda: begin(drawn),), type="supervisor")

    async def begin(drawn: Drawn) -> otp.Pid:
        if drawn in pools:
            pids[drawn] = await DynamicSupervisor.start_link()
        else:
            children = list(map(spec, drawn.children, _distinct(drawn.children)))
            way: Any = strategy_of(drawn, root)
            name = _free(drawn.name) if drawn is root else None
            pids[drawn] = await Supervisor.start_link_children(children, strategy=way, name=name)
        return pids[drawn]

    _running.append(await begin(root))
    otp.unlink(_running[0])
    for pool in pools:
        for name in _distinct(pool.children):
            agent = Worker.child_spec(None, name=_free(name), restart="temporary")
            await DynamicSupervisor.start_child(pids[pool], agent)


def _distinct(siblings: list[Drawn]) -> list[str]:
    """Return the names of children, numbered if two are the same."""
    names = [each.name for each in siblings]
    return [name if names.count(name) == 1 else f"{name} {1 + names[:at].count(name)}" for at, name in enumerate(names)]


def _free(name: str) -> str | None:
    """Return a name if it can be registered, else None."""
    return None if otp.whereis(name) else name
