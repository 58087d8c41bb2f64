"""Arsenal: operations, each declared once and offered through every interface.

    @operation("process.kill", http=("DELETE", "/processes/{pid}"), scope="operate", changes=True)
    async def kill_process(ctx: Context, pid: PidText, reason: Reason = "kill", force: Force = False) -> KillResult:
        \"\"\"Send an exit signal and answer when the process is gone.\"\"\"

The declaration yields the route, its entry in the OpenAPI document, the command, the console's function, the tool for
AI clients and the form of the page. Scope, validation, dry run, audit and telemetry are the same for every interface.
`declaration` defines an operation, `engine` finds all of them and runs one, `rights` decides who may, `results` are
the answers, `builtin` holds the platform's own, and `adapters` are the interfaces. A package adds operations through
the entry-point group `superlearner.operations`.
"""

from __future__ import annotations

from typing import Final

__all__ = ["PREFIX"]

PREFIX: Final = "/api/v1"
"""The prefix of every operation's path."""
