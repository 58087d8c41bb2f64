"""Checks of session 12: strategies, restart intensity and trees."""

# What learners define has no type.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownLambdaType=false, reportUnknownParameterType=false

from __future__ import annotations

import itertools
import re
from typing import Any

import otp
from otp import Supervisor
from otp.testing import advance, wait_all_idle
from superlearner.course.engine.drawings import Drawn, describe_drawing, read_drawing
from superlearner.course.engine.drawn_tree import (
    STRATEGIES,
    Part,
    below,
    describe_misread_remark,
    dynamic_in,
    is_marked_as_server,
    is_supervisor,
    stores_in,
    strategy_of,
)
from superlearner.course.engine.exercise import exercise, scenario
from superlearner.course.engine.reports import unreported
from superlearner.course.engine.scenario import Scenario
from superlearner.course.engine.values import as_mapping, as_set, did_you_mean, render
from superlearner.course.engine.verdict import CourseMark, Incomplete, Wrong


@exercise("s12.strategies")
@unreported
async def strategies(s: Scenario) -> None:
    """Strategies for three scenarios."""
    s.step("Each scenario has the strategy that restarts what depends on the crashed child, and nothing else.")
    answer = as_mapping(s.need("answer"))
    if answer is None:
        got = render(s.answer.answer)
        raise Wrong(f"expected answer to be a dict with agents, pipeline and connections, got {got}")
    needless = as_mapping(answer.pop("needless", getattr(s.answer, "needless", None)))
    keys = ("agents", "pipeline", "connections")
    for key in keys:
        if type(answer.get(key)) is not str or answer[key] not in STRATEGIES:
            got = f"{key} is {render(answer.get(key))}{did_you_mean(answer.get(key), STRATEGIES)}"
            fault = Incomplete if answer.get(key) is None else Wrong
            raise fault(f"choose 'one_for_one', 'rest_for_one' or 'one_for_all' for each supervisor: {got}")
    s.no_other_keys("answer", answer, keys)
    marks: list[CourseMark] = []
    for key, names, crashed, depend in (
        ("agents", AGENTS, 1, ()),
        ("pipeline", PIPELINE, 1, (2, 3)),
        ("connections", CONNECTIONS, 0, (1, 2)),
    ):
        with s.showing(key):
            restarted = await restarted_by(s, answer[key], crashed, names, depend=depend)
        expected = {crashed, *depend}
        say, misconception = "", None
        if missing := expected - restarted:
            say = f"{names[crashed]} crashed, and {names[min(missing)]}, which depends on it, went on as before"
            misconception = "M21"
        elif extra := restarted - expected:
            say = f"{names[crashed]} crashed, and {names[min(extra)]} was restarted needlessly"
            misconception = "M20" if answer[key] == "one_for_all" else None
        marks.append(CourseMark(key, not say, f"`{key}`: {say} under {answer[key]}" if say else "", misconception))
    s.judge(marks)
    if answer["connections"] == "one_for_all":
        s.step("For the connections under one_for_all, the needless restart is named.")
        said = needless.get("connections", "") if needless is not None else ""
        if (several := as_set(said)) is not None:
            said = ", ".join(sorted(map(str, several)))
        say = "name in `needless` the child that every worker crash restarts, but not under rest_for_one"
        s.expect(type(said) is str and said.strip() != "", f"{say}: {{'connections': '…'}}", "M20")
        if denied := DENIES.search(said):
            say = f"you wrote {denied[0]!r}, but in the run one child is restarted that does not depend on the worker"
            raise Wrong(say, "M20")
        if "manager" not in said.lower():
            later = " (rest_for_one restarts a worker, too, when the one before it crashes)" if "worker" in said else ""
            raise Wrong(f"{say}; {render(said)} does not name it{later}", "M20")


AGENTS = ("Agent 1", "Agent 2", "Agent 3", "Agent 4", "Agent 5")
PIPELINE = ("Parser", "Validator", "Transformer", "Writer")
CONNECTIONS = ("ConnectionManager", "Worker 1", "Worker 2")

DENIES = re.compile(
    r"\b((no(body|[ -]one|ne|thing)|neither|no (child|process|worker|manager)\w*|(is|are)(n't| not) restarted)\b|"
    r"(except|other than|apart from|(all|every\w*|both) but)\b[^.,;()]*manager)",
    re.I,
)
"""Words that say that nothing is restarted needlessly, or all but what they name."""


def pid_of(child: otp.ChildInfo) -> otp.Pid:
    """Return the pid of a running child."""
    assert isinstance(child.pid, otp.Pid)
    return child.pid


async def restarted_by(
    s: Scenario,
    strategy: Any,
    crashed: int,
    names: tuple[str, ...],
    called: str = "supervisor",
    depend: tuple[int, ...] = (),
) -> set[int]:
    """Return the places of the children with these names that are other processes after one has crashed.

    The excerpt shows the first of those that depend on it and still go on as before.
    """
    before, after = await crash_child(s, strategy, crashed, names, called, depend)
    return {id for id, pid in after.items() if pid != before[id]}


async def crash_child(
    s: Scenario,
    strategy: Any,
    crashed: int,
    names: tuple[str, ...],
    called: str,
    depend: tuple[int, ...] = (),
) -> tuple[dict[Any, otp.Pid], dict[Any, otp.Pid]]:
    """Return the pids of children with these names by place, before and after one has crashed.

    The excerpt shows the first of those that depend on it and still go on as before.
    """
    children = [Part.child_spec(None, id=number) for number in range(len(names))]
    supervisor = s.name(await Supervisor.start_link_children(children, strategy=strategy), called)
    otp.unlink(supervisor)
    before: dict[Any, otp.Pid] = {child.id: pid_of(child) for child in await Supervisor.which_children(supervisor)}
    for id, pid in before.items():
        s.name(pid, names[id])
    s.show(s.mark())
    otp.exit(before[crashed], "kill")
    await otp.wait_down(before[crashed])
    await wait_all_idle()
    after: dict[Any, otp.Pid] = {child.id: pid_of(child) for child in await Supervisor.which_children(supervisor)}
    if going := [id for id in depend if after[id] == before[id]]:
        s.happens("goes on as before", before[min(going)])
    with s.unseen():
        otp.exit(supervisor, "shutdown")
        await otp.wait_down(supervisor)
    return before, after


@exercise("s12.limits")
@unreported
async def limits(s: Scenario) -> None:
    """Crash times that a supervisor just survives."""
    s.step("The supervisor survives crashes at these times.")
    times = s.need("times")
    if times is None:
        raise Incomplete("write at least 4 ascending times into times, such as [0, 1, 2, 30]; it is still None")
    if type(times) not in (list, tuple) or len(times) < 4 or any(type(each) not in (int, float) for each in times):
        raise Wrong(f"expected times to be a list of at least 4 numbers, got {render(times)}")
    s.expect(all(a < b for a, b in itertools.pairwise(times)), f"expected ascending times, got {render(times)}")
    s.expect(times[0] >= 0 and times[-1] <= 3600, "expected times between 0 and 3600 seconds")
    begun, since = otp.monotonic(), s.mark()
    last = await gives_up_at(s, times)
    span = since, s.mark()
    if last is not None:
        s.show(*span, begun)
        counted = [f"{time:g}" for time in times if time < last][-3:]
        say = f"the crash at {last:g} s is one too many, after those at {', '.join(counted[:-1])} and {counted[-1]} s"
        raise Wrong(f"it gave up: {say}; 3 restarts within 5 seconds are allowed, and this would be the 4th", "M22")
    s.step("It just survives: with the last crash 0.1 s earlier it gives up.")
    earlier = [*times[:-1], times[-1] - 0.1]
    s.expect(earlier[-2] < earlier[-1], "expected at least 0.1 s between the last two crashes")
    with s.unseen():
        gives_up = await gives_up_at(s, earlier) is not None
    # The figure shows the times of the answer
    s.show(*span, begun)
    before = f"with the last crash at {earlier[-1]:g} s, 0.1 s earlier, it survives as well"
    held = [f"{time:g}" for time in earlier if earlier[-1] - time <= 5 + 1e-9]
    say = f"{before}: the 5 seconds up to it hold only the crash{'es' if len(held) > 1 else ''} at {', '.join(held)} s"
    s.expect(gives_up, say, "M22")


async def gives_up_at(s: Scenario, times: Any) -> float | None:
    """Return the time of the crash at which a supervisor with 3 restarts in 5 seconds gives up; None if it survives."""
    supervisor = await Supervisor.start_link_children([Part.child_spec(None)], max_restarts=3, max_seconds=5)
    otp.unlink(s.name(supervisor, "supervisor"))
    s.show(s.mark())
    begun = otp.monotonic()
    for time in times:
        wait = begun + time - otp.monotonic()
        if wait > 0:
            await advance(wait)
        (child,) = [pid_of(each) for each in await Supervisor.which_children(supervisor)]
        otp.exit(s.name(child, "child"), "kill")
        await otp.wait_down(child)
        await wait_all_idle()
        if not otp.is_alive(supervisor):
            return time
    with s.unseen():
        otp.exit(supervisor, "shutdown")
        await otp.wait_down(supervisor)
    return None


@exercise("s12.tree")
@unreported
async def tree(s: Scenario) -> None:
    """A tree that was drawn."""
    s.step("The drawing is a tree with one supervisor at the top and everything else below it.")
    text = s.need("drawing")
    s.expect(type(text) is str, f"expected drawing to be a text with a tree, got {render(text)}")
    s.expect(text.strip() != "", "expected drawing to be a text with a tree: nothing is drawn yet")
    try:
        roots = read_drawing(text)
    except ValueError as error:
        raise Wrong(str(error)) from None
    read = f"; it was read as:\n{describe_drawing(roots):.300}"
    s.expect(len(roots) == 1, f"expected one root, got {len(roots)}{read}")
    root = roots[0]
    s.expect(bool(root.children), f"expected nodes below {root.label}, got none; add them with the buttons{read}")

    s.step("Three workers under a supervisor, a dynamic supervisor with temporary agents, and a store before both.")
    everyone = below(root)
    for each in (root, *everyone):
        if misread := describe_misread_remark(each):
            raise Wrong(misread)
        if each.children and is_marked_as_server(each) and not is_supervisor(each):
            say = f"{each.label} has children, and its brackets say that it is no supervisor"
            raise Wrong(f"{say}: only supervisors have children{read}", "M25")
    stores = stores_in(root)
    how = "" if stores else "; choose the kind of a node, or end its name in Store"
    s.expect(len(stores) == 1, f"expected one store, got {listed(stores)}{how}{read}")
    pools = dynamic_in(everyone)
    s.expect(len(pools) == 1, f"expected one dynamic supervisor, got {listed(pools)}{read}")
    (store,), (pool,) = stores, pools
    for each in everyone:
        if each.children and not is_supervisor(each):
            say = f"{each.name} has children, and only supervisors have children"
            raise Wrong(f"{say}: choose that kind for it, or write {each.name} (Supervisor){read}", "M25")
    s.expect(not store.children, f"expected the store to have no children{read}", "M25")
    s.expect(bool(pool.children), f"expected agents under the dynamic supervisor{read}")
    s.expect(
        not any(each.children for each in pool.children), f"expected agents only under the dynamic supervisor{read}"
    )
    workers = [
        each
        for each in everyone
        if not each.children and each is not store and each not in pool.children and not is_supervisor(each)
    ]
    s.expect(len(workers) == 3, f"expected three permanent workers, got {listed(workers)}{read}")
    order = everyone.index(store)
    users = [each for each in (*workers, pool) if everyone.index(each) < order]
    if users:
        say = f"children start in order, and {users[0].label} starts before the store, which it uses"
        raise Wrong(f"expected the store before its users: {say}", "M21", STORE_FIRST).without_fact()

    s.step("When the store crashes, the workers and the dynamic supervisor restart.")
    since = s.mark()
    ended = await ends(s, root, store, depend=(*workers, pool))
    if going := [each for each in (*workers, pool) if each not in ended]:
        s.show(since, s.mark())
        say = f"the store crashed, and {going[0].label}, which uses it, went on as before: {only(root, store)}"
        raise Wrong(f"expected the users of the store to restart with it: {say}", "M21").without_fact()

    s.step("When a user of the store crashes, the store goes on.")
    for user in (workers[0], pool):
        since = s.mark()
        ended = await ends(s, root, user)
        above = parent_of(root, user)
        strategy = f"{above.name} is {strategy_of(above, root)}"
        if store in ended:
            s.show(since, s.mark())
            say = f"{user.label} crashed, and {store.label}, which does not use it, was restarted as well: {strategy}"
            raise Wrong(f"expected no needless restart: {say}", "M20").without_fact()
        if others := [each for each in ended if each not in (user, *below(user))]:
            spread = f"In the run a crash of {user.name} also ended {others[0].name}: {strategy}"
            s.note(f"{spread}. With a supervisor of their own, the workers would not disturb the others.")

    s.step("How many processes each crash ends is predicted.")
    said = as_mapping(s.need("disturbed"))
    keys = {"worker": workers, "temporary": pool.children, "pool": [pool], "store": [store]}
    if said is None:
        got = render(s.answer.disturbed)
        raise Wrong(f"expected disturbed to be a dict with worker, temporary, pool and store, got {got}")
    s.no_other_keys("disturbed", said, keys)
    if empty := [key for key in keys if said.get(key) is None]:
        raise Incomplete(f"predict all four numbers, then check: {empty[0]!r} has none yet")
    marks: list[CourseMark] = []
    kills: list[str] = []
    for key, (child, *others) in keys.items():
        kind = KINDS[key]
        ended = await ends(s, root, child, shown=kind)
        value = said.get(key)
        # Under rest_for_one the first worker ends more than the last one does; the task asks for any of them
        counts = {len(ended), *[len(await ends(s, root, other)) for other in others if key == "worker"]}
        if type(value) is int and value in counts:
            marks.append(CourseMark(kind, ok=True))
        else:
            misconception = await belief(s, root, child, len(ended), value)
            names = ", ".join(each.name for each in ended[:SHOWN]) + ", …" * (len(ended) > SHOWN)
            also = ". A supervisor's children end with it" if child.children and value == 1 else ""
            say = f"in the run, a crash of {child.name} ended {len(ended)}: {names}; you said {render(value)}{also}"
            expected = listed_counts(counts)
            marks.append(CourseMark(kind, False, f"expected {expected} for {kind}: {say}", misconception))
            kills.append(child.name)
    wrong = [mark.key for mark in marks if not mark.ok]
    show = f"press “Run this tree” and kill {kills[0]}: how many processes end?" if kills else ""
    s.judge(marks, sent=False, first=f"wrong for {' and '.join(wrong)}: {show} The next check shows the numbers.")


def listed(drawn: list[Drawn]) -> str:
    """Return how many labels there are, and their names."""
    return f"{len(drawn)}: {', '.join(each.name for each in drawn)}" if drawn else "none"


def listed_counts(counts: set[int]) -> str:
    """Return the numbers that are right, such as `3, 4 or 5`."""
    *others, last = map(str, sorted(counts))
    return f"{', '.join(others)} or {last}" if others else last


def parent_of(root: Drawn, child: Drawn) -> Drawn:
    """Return the supervisor of a label below the root."""
    return next(each for each in (root, *below(root)) if child in each.children)


def only(root: Drawn, store: Drawn) -> str:
    """Return why a user of the store is not restarted with it."""
    above = parent_of(root, store)
    strategy = strategy_of(above, root)
    return f"{above.name} is {strategy}" if strategy == "one_for_one" else f"it is not below {above.name}"


async def belief(s: Scenario, root: Drawn, child: Drawn, right: int, said: Any) -> str | None:
    """Return the misconception that a wrong number of ended processes shows.

    M20: as many as under one_for_all. M21: earlier siblings end as well.
    """
    siblings = parent_of(root, child).children
    if said == len(await ends(s, root, child, "one_for_all")):
        return "M20"
    sums = {0}
    for earlier in siblings[: siblings.index(child)]:
        sums |= {each + 1 + len(below(earlier)) for each in sums}
    return "M21" if type(said) is int and said - right in sums - {0} else None


KINDS = {"worker": "a worker", "temporary": "a temporary agent", "pool": "the dynamic supervisor", "store": "the store"}
"""Words of the form for what is predicted, by its key in the answer."""
SHOWN = 12
"""Names of ended processes in a sentence."""
STORE_FIRST = "Children start from top to bottom, and `rest_for_one` restarts only those after the one that crashed."


async def ends(
    s: Scenario,
    root: Drawn,
    crashed: Drawn,
    strategy: str | None = None,
    *,
    shown: str = "",
    depend: tuple[Drawn, ...] = (),
) -> list[Drawn]:
    """Return the processes of the drawn tree that end when one crashes, which is the first of them.

    The crash and its effects are shown if `shown` is the first wrong row of the answer, and so is the first of those
    that depend on the crashed one but go on as before.
    """
    pids: dict[Drawn, otp.Pid] = {}

    def spec(drawn: Drawn, number: int) -> Any:
        if not drawn.children:
            return Part.child_spec(None, id=number, restart="temporary" if drawn in temporary else "permanent")
        return otp.ChildSpec(id=number, start=(lambda: begin(drawn),), type="supervisor")

    def begin(drawn: Drawn) -> Any:
        children = [spec(child, number) for number, child in enumerate(drawn.children)]
        way: Any = strategy if strategy and crashed in drawn.children else strategy_of(drawn, root)
        return Supervisor.start_link_children(children, strategy=way, max_restarts=10)

    temporary = {child for drawn in dynamic_in(below(root)) for child in drawn.children}
    supervisor = await begin(root)
    otp.unlink(s.name(supervisor, root.name))

    async def note(drawn: Drawn, pid: otp.Pid) -> None:
        infos = {info.id: pid_of(info) for info in await Supervisor.which_children(pid)}
        for number, child in enumerate(drawn.children):
            pids[child] = s.name(infos[number], child.name)
            if child.children:
                await note(child, infos[number])

    await note(root, supervisor)
    with s.showing(shown):
        otp.exit(pids[crashed], "kill")
        await otp.wait_down(pids[crashed])
        await wait_all_idle()
    ended = [drawn for drawn, pid in pids.items() if not otp.is_alive(pid)]
    ended.sort(key=lambda drawn: drawn is not crashed)
    if going := [drawn for drawn in depend if drawn not in ended]:
        s.happens("goes on as before", pids[going[0]])
    with s.unseen():
        otp.exit(supervisor, "shutdown")
        await otp.wait_down(supervisor)
        await wait_all_idle()
    return ended


@scenario("s12.p1")
async def p1(s: Scenario) -> str:
    """B of A, B, C crashes under each strategy."""
    found: list[str] = []
    s.name(otp.self(), "strategy")
    for strategy in ("one_for_one", "rest_for_one", "one_for_all"):
        with s.unseen():  # the messages of three runs cannot be told apart
            before, after = await crash_child(s, strategy, 1, ("A", "B", "C"), strategy)
        new = [number for number in range(3) if after[number] != before[number]]
        s.happens(strategy)
        for number, pid in sorted(before.items()):
            crash = "crashes, " if number == 1 else ""
            s.happens(f"{crash}{'new' if number in new else 'same'} pid", pid)
        found.append(f"{strategy}: {', '.join('ABC'[number] for number in new)}")
    return "; ".join(found)
