"""The command line: a door to every operation, and the program itself.

`entry` has the commands and starts everything; `finding` says where the platform is, `asking` talks to it over HTTP,
`manifest` knows the operations, `operations` makes commands of them, `showing` writes what people read. A verb starts
in 0.3 s because nothing on its way imports the platform: what an operation takes is read from files that
`python -m tools.commands` writes.

Exit codes: 0 done · 1 it could not be done, and why · 2 wrong usage · 3 no platform was found ·
70 the platform's root gave up · 130 Ctrl-C while an answer was awaited.
"""

from __future__ import annotations

from superlearner.cli.entry import app, main

__all__ = ["app", "main"]
