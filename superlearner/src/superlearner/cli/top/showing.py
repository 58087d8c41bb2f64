"""The choice between display and plain output, and errors without a platform."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

from otp.standard_streams import raise_broken_pipe
from superlearner.cli.asking import RequestRefused
from superlearner.cli.door import failed, reach
from superlearner.cli.ends import FAILED, NO_PLATFORM, fail
from superlearner.cli.finding import PlatformNotFound, WrongUrl
from superlearner.cli.plain import paragraph
from superlearner.cli.remote import Remote
from superlearner.cli.top.asking import Looking

__all__ = ["show_top"]


def show_top(
    remote: Remote,
    node: str | None,
    by: str,
    search: str,
    rows: int,
    interval: float,
    measure_ms: int,
    *,
    once: bool,
    as_json: bool,
) -> None:
    """Show it until Ctrl-C or `q`; as plain lines where there is no keyboard."""
    platform = reach(remote.url, remote.data_dir)
    raise_broken_pipe()
    looking = Looking(remote, measure_ms, node)
    with suppress(KeyboardInterrupt):
        try:
            if once or as_json or not _has_keys():
                from superlearner.cli.top.stream import write_frames

                write_frames(looking, by, search, rows, interval, once=once, as_json=as_json)
            else:
                from superlearner.cli.top.drawing import View
                from superlearner.cli.top.screen import show_live

                show_live(looking, View(by, search), interval)
        except PlatformNotFound as error:
            fail(paragraph(str(error)), NO_PLATFORM)
        except RequestRefused as error:
            failed(error, platform)
        except BrokenPipeError:
            return  # of standard output: its reader has left
        except (WrongUrl, OSError) as error:
            fail(paragraph(str(error)), FAILED)


def _has_keys() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
