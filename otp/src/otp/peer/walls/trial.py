"""The child program of `probe`: puts up the walls of the plan from its standard input, and reports."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import NoReturn

from otp.peer.walls.raising import raise_inside, raise_outside

__all__: list[str] = []


def _main() -> NoReturn:
    plan = json.load(sys.stdin)
    parts = raise_outside(plan)
    pid = os.fork()
    if pid == 0:
        inside, _ = raise_inside(plan, parts)
        sys.stdout.write(json.dumps([asdict(part) for part in (*parts, *inside)]))
        sys.stdout.flush()
        os._exit(0)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) & 0xFF)


if __name__ == "__main__":
    _main()
