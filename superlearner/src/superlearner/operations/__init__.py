"""Arsenal: one declaration of an operation, every door to it.

    @operation("process.kill", http=("DELETE", "/processes/{pid}"), scope="operate", changes=True)
    async def kill_process(ctx: Context, pid: PidText, reason: Reason = "kill", force: Force = False) -> KillResult:
        \"\"\"Send an exit signal and answer when the process is gone.\"\"\"

From it come the route, its entry in the OpenAPI document, the command, the console's function, the tool for AI clients
and the form of the page; scope, validation, dry run, audit and telemetry are the same at every door. `declaration` says
what an operation is, `registry` knows all of them, `execution` runs one, `adapters` are the doors, and `operations`
holds those of the platform. A package adds its own by an entry point of the group `superlearner.operations`.
"""

from __future__ import annotations

from typing import Final

__all__ = ["PREFIX"]

PREFIX: Final = "/api/v1"
"""What the path of every operation begins with."""
