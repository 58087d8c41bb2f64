"""Stored facts about a process: its ends, restarts and problems, even if its node is not connected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from otp import sentences
from superlearner.control.clock import time_text
from superlearner.control.steer import looks_like_pid
from superlearner.operations.builtin.program_runs import list_runs
from superlearner.operations.builtin.restart_incidents import is_failure, possible_names
from superlearner.operations.builtin.restart_lines import MOST_FOLDED, describe_row
from superlearner.operations.builtin.restart_loops import INCIDENT
from superlearner.operations.builtin.restart_words import page_about, read_moment
from superlearner.operations.context import Context
from superlearner.operations.engine.seams import MomentHistory
from superlearner.operations.failures import OperationError
from superlearner.operations.results.errors import Why, WhyProblem, WhyStored
from superlearner.operations.results.restarts import Crashed, Moment, RestartLine
from superlearner.restarts.ids import Ref
from superlearner.store import MomentRow

__all__ = ["describe_end", "explain_absent", "find_stored", "is_end", "is_problem", "list_command", "list_problems",
           "words_of"]  # fmt: skip

MOST_PROBLEMS: Final = 5


async def explain_absent(ctx: Context, history: MomentHistory | None, name: str, absence: OperationError) -> Why | None:
    """Return what is stored about a process whose node is not connected, but may run; None if nothing is.

    It begins with what happened last: the state of the node, then the last end in that run of its program.
    """
    if history is None or looks_like_pid(name):
        return None
    owner, nodes = ctx.user.only_owner, possible_names(ctx.on or ctx.home.name)
    rows = await find_stored(history, nodes, name, owner)
    last = next(filter(is_end, rows), None)
    problems = list_problems([one for one in rows if is_problem(one)])
    if last is None and not problems:
        return None
    told = ["its node is not connected" if ctx.user.only_own else absence.message]
    line = None
    if last is None:
        told.append("no restart of it is stored")
    else:
        [whole] = await history.read_replays([last])
        line = await asyncio.to_thread(describe_row, whole, ctx.user.name)
        moment = await asyncio.to_thread(read_moment, whole)
        runs = await list_runs(history, nodes, owner)
        told += _describe_last(name, line, moment, sum(begin >= last.until for begin in runs))
    return Why(
        pid=None, name=name, alive=None, restarted=None, known=False, run=(last or rows[0]).run, repeats=None,
        summary="\n".join([*told, list_command(ctx, name)]), problems=problems, steps=[],
        stored=None if line is None or last is None else WhyStored(ref=line.ref, at=last.until, line=words_of(line)),
    )  # fmt: skip


def _describe_last(name: str, line: RestartLine, moment: Moment | None, later_runs: int) -> list[str]:
    """Return the sentences about the last stored end of a process; its program has had so many runs since."""
    when = time_text(line.until or line.at)
    if not later_runs:
        first, *others = describe_end(line, moment)
        return [f"before that, at {when}: {first}", *others]
    run = "the run before that" if later_runs == 1 else "an earlier run"
    end = line.line if line.gave_up else "; ".join(describe_end(line, moment))
    return [f"no restart of {name} is stored for the last run of its program", f"in {run}, at {when}: {end}"]


def is_problem(one: MomentRow) -> bool:
    """Return whether a row is about a problem such as a hang, and not about an end."""
    return one.number == INCIDENT and not is_failure(one)


def is_end(one: MomentRow) -> bool:
    """Return whether a row is about an end, a restart or a failed start of a process."""
    return one.number >= INCIDENT and not is_problem(one)


def list_problems(rows: Sequence[MomentRow]) -> list[WhyProblem]:
    """Return the newest stored problems."""
    return [WhyProblem(at=one.at, line=one.line, ref=str(Ref(one.run, one.number))) for one in rows[:MOST_PROBLEMS]]


async def find_stored(
    history: MomentHistory, nodes: Sequence[str], name: str, owner: str | None = None
) -> list[MomentRow]:
    """Return what is stored about a process, without replays, newest first."""
    return await page_about(history, name, list(nodes), [], owner, limit=MOST_FOLDED)


def list_command(ctx: Context, name: str) -> str:
    """Return the sentence about the command that lists what is stored about a process."""
    return f"`{ctx.command('restart.list', process=name)}` lists what is stored about it"


def words_of(line: RestartLine) -> str:
    """Return what happened in a stored restart, with the request, and the reason."""
    told, by = line.line, f" by {line.request}"
    if line.request is not None and by not in told and not line.story:
        killed = f"{line.name} was killed"
        told = told.replace(killed, killed + by, 1) if told.startswith(killed) else f"{told}{by}"
    return line.story or (told if line.reason in (None, "killed") else f"{told}: {line.reason}")


def describe_end(line: RestartLine, moment: Moment | None) -> list[str]:
    """Return the sentences about a stored restart, with the reason and the place; before a give-up, its first cause."""
    words = words_of(line)
    told = [words if line.story else words + sentences.at_place(line.where, words)]  # a give-up has the places
    first = None if moment is None or not line.gave_up else next(iter(moment.events), None)
    is_new = isinstance(first, Crashed) and (first.reason not in words or (line.request or "") not in words)
    if moment is not None and isinstance(first, Crashed) and is_new:
        by = "" if line.request is None else f" by {line.request}"
        how = f"{'crashed' if first.crash else 'ended'}{by}: {first.reason}"
        if first.reason == "killed":
            how = f"was killed{by}"
        place = None if moment.line is None else moment.line.place
        told.insert(0, f"{line.name} {how}{sentences.at_place(place, first.reason + words)}")
    return told
