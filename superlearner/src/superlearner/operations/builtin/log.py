"""The newest lines of the log."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final

from pydantic import Field

from superlearner.base.commands import command
from superlearner.control.clock import timestamp
from superlearner.observing.logs import LogLine, LogView
from superlearner.operations.context import Context
from superlearner.operations.declaration import Paged, Picker, operation
from superlearner.operations.failures import OperationError
from superlearner.operations.parameters import TIMES, PageNumber, PerPage, Since, Until
from superlearner.operations.results.log import Level, LogLineResult

ORDER: Final = ("debug", "info", "warning", "error", "critical")

Who = Annotated[str | None, Field(max_length=20_000)]


@operation("log.list", http=("GET", "/log"), scope="read", on="platform", of="user",
           errors=("node_not_found", "conflict"), short="at level node text")  # fmt: skip
async def list_log(
    ctx: Context,
    log: LogView,
    /,
    level: Annotated[Level | None, Field(description="only this level and above")] = None,
    process: Annotated[
        Who, Field(description="only lines of this process, by pid or registered name"), Picker("process")
    ] = None,
    supervisor: Annotated[
        Who, Field(description="only lines of this supervisor and its direct children"), Picker("supervisor")
    ] = None,
    node: Annotated[
        str | None, Field(max_length=300, description="only lines from this node or sandbox; default: from all of them")
    ] = None,
    logger: Annotated[str | None, Field(max_length=200, description="only loggers with this prefix")] = None,
    search: Annotated[
        str | None, Field(max_length=200, description="only lines that contain this text, ignoring case")
    ] = None,
    since: Since = None,
    until: Annotated[Until, Field(description=f"only up to this time: {TIMES}")] = None,
    after: Annotated[int, Field(ge=0, le=2**53, description="only lines after this number")] = 0,
    before: Annotated[int | None, Field(ge=1, le=2**53, description="only lines before this number")] = None,
    page: PageNumber = 1,
    per_page: PerPage = 50,
) -> Paged[LogLineResult]:
    """Read the log.

    The lines in memory, newest first. Secrets are redacted.
    """
    least = 0 if level is None else ORDER.index(level)
    asked, above = _bare(process), _bare(supervisor)
    words = None if search is None else search.casefold()
    lines, home = log.lines(), ctx.home.name
    of = None if node is None else ctx.nodes.node_of(node)
    if of is not None and not ctx.user.only_own and of not in {line.node or home for _, line in lines}:
        there = replace(ctx, on=of).found  # a node that has ended may have lines
        if there.kind.listed_beside:
            failures = f"`{command('error.list', node=of)}` lists its failures"
            raise OperationError("conflict", f"the log of {of} stays in its program, which writes it", hint=failures)

    def wanted(number: int, line: LogLine) -> bool:
        return (
            ctx.user.sees(ctx.owner_of(line.node))
            and of in (None, line.node or home)
            and number > after
            and (before is None or number < before)
            and (since is None or line.at >= since)
            and (until is None or line.at <= until)
            and (line.level not in ORDER or ORDER.index(line.level) >= least)
            and (logger is None or line.logger.startswith(logger))
            and (asked is None or asked in (line.pid, line.name))
            and (above is None or above in (line.supervisor, line.fields.get("otp_name") if line.report else None))
            and (words is None or words in line.text.casefold() or words in (line.traceback or "").casefold())
        )

    found = [(number, line) for number, line in lines if wanted(number, line)]
    found.reverse()
    start = (page - 1) * per_page
    shown = [_result(number, line) for number, line in found[start : start + per_page]]
    return Paged(shown, len(found), page, per_page)


def _bare(who: str | None) -> str | None:
    return None if who is None else who.removeprefix("#PID").strip("<>")


def _result(number: int, line: LogLine) -> LogLineResult:
    return LogLineResult(
        number=number,
        at=line.at,
        timestamp=timestamp(line.at),
        level=line.level,
        logger=line.logger,
        text=line.text,
        pid=line.pid,
        name=line.name,
        supervisor=line.supervisor,
        report=line.report,
        fields=line.fields,
        traceback=line.traceback,
        node=line.node,
    )
