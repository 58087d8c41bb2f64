"""Frames as text or JSON without a keyboard: one, or a series."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import asdict
from typing import Any

from superlearner.base.terminal import print_line
from superlearner.cli.showing import json_text
from superlearner.cli.top.asking import Looking
from superlearner.cli.top.figures import ScreenFrame, ordered

__all__ = ["write_frames", "written"]


def write_frames(
    looking: Looking, by: str, search: str, rows: int, interval: float, *, once: bool, as_json: bool
) -> None:
    """Write one frame, or frames until Ctrl-C. Raises as `Looking.frame`."""
    pause = threading.Event()  # never set: Ctrl-C ends the loop
    while True:
        begun = time.monotonic()
        text = written(looking.frame(), by, search, rows, as_json=as_json, compact=not once)
        print_line(text if once or as_json else f"{text}\n")
        if once:
            return
        pause.wait(max(0.0, interval - (time.monotonic() - begun)))


def written(frame: ScreenFrame, by: str, search: str, rows: int, *, as_json: bool, compact: bool = False) -> str:
    """Return a frame as text, or as JSON in the same order."""
    if as_json:
        shown: dict[str, Any] = {
            "node": frame.node,
            "measured_ms": frame.measured_ms,
            "totals": frame.totals,
            "processes": [asdict(row) for row in ordered(frame.processes, by, search)[:rows]],
        }
        return json.dumps(shown) if compact else json_text(shown)
    from superlearner.cli.top.drawing import View, drawn

    picture = drawn(frame, View(by, search), 100, rows + 4)
    return "\n".join(line.rstrip() for line in picture.plain.split("\n")[:-1]).rstrip()
