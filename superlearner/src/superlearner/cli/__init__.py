"""The command line: an interface to every operation, and the program itself.

`entry` has the commands and starts everything; `finding` locates the platform, `asking` talks to it over HTTP,
`manifest` knows the operations, `operations` turns them into commands, `showing` formats answers. A command starts
in 0.3 s because it does not import the platform: descriptions of operations are read from files that
`python -m tools.commands` writes.

Exit codes: 0 done · 1 failed, with the reason · 2 wrong usage · 3 no platform was found ·
70 the platform's root gave up · 130 Ctrl-C while starting or waiting for an answer.
"""

from __future__ import annotations

try:
    from superlearner.cli.entry import app, main
except KeyboardInterrupt:
    raise SystemExit(130) from None

__all__ = ["app", "main"]
