"""The page about the events: `docs/events.md`.

python -m superlearner.observing.events.page > docs/events.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from superlearner.observing.events.types import TYPES

__all__ = ["page"]

INTRODUCTION: Final = """\
# Watching what happens

```sh
superlearner events stream                                  # and in another terminal:
superlearner process kill counter_1
```

```text
15:43:39.614  exited            counter_1 <0.15.0> was killed
15:43:39.615  operation_done    owner did process.kill
15:43:39.671  child_restarted   counter_1 <0.15.0> was killed; demo_one_for_one (one_for_one) restarted counter_1
                                <0.31.0>; restart 1 of 3 in 5 s
```

A line for each event as it comes, until Ctrl-C; `--json` writes each as JSON on a line of its own, for a pipe. When the
web server of the platform starts anew, the lines go on where they were.

```sh
superlearner events stream --types crashed,gave_up --last 20
superlearner events stream --pid counter_1
superlearner events stream --supervisor demo_one_for_one --json
curl -N http://localhost:4000/api/v1/events
```

## Over HTTP

`GET /api/v1/events` answers [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html). In a
browser that is `new EventSource("/api/v1/events")`:

```text
id: 6fe1b2c8-84
event: child_restarted
data: {"id":"6fe1b2c8-84","type":"child_restarted","at":1795189309.693841,"pid":"0.30.0","name":"counter_1", …}
```

- **Coming back.** Show the last `id` you have, as the header `Last-Event-ID` (a browser does so by itself) or as
  `last_id`, and you go on behind it: no event is missing and none comes twice, also if the web server was restarted
  meanwhile. `last=20` begins with the last 20 instead.
- **What is gone is told.** The platform keeps the last `events_kept` (10,000) events. If some you have not seen are no
  longer among them, an event `gap` says how many (`lost`, of all types), and why (`reason`): `ring` or `slow` (they
  came faster than you read), `restarted` (the platform was: what it still has comes next), `unknown` (no id of ours).
- **An id** is the run of the platform and a number. `id` lines without an event say where you are, at the beginning and
  every ten seconds, with a comment that keeps the connection open.
- **Filters**: `types` (several divided by commas), `supervisor` (name or pid: itself, its decisions, whom it started),
  `pid` (pid, registered name or child id), `node`. Of another node than the platform's own come its processes and
  supervisors only, from the first time somebody asks.
- **An end**: `limit` events, or `timeout_ms`. Who asks with `Accept: application/json` gets one answer: the events of
  a while (5 s, or 100 events, if nothing else is said), with `last_id` to go on from. So console and AI tools have it.
- **A slow reader** costs nothing: there is no queue for it, it has a place in what is kept. 100 readers of a storm of
  1,100 events a second, all of them sent to each, took an eighth of a core more than none.
- An end of the web server or of the platform ends the streams at once; the browser comes back after a second.

## The types

Every event has `id`, `type`, `at` (seconds since 1970), `timestamp`, `node` (none: about the platform itself), `pid`,
`name` (of the process, or the id of the child), `supervisor`, `text` (a sentence), `seq` (its number on the node),
`cause` (the `seq` of the event that led to it, see [events of a node](tracing.md)), and `data`, by its type. Reasons
and messages are cut, and secrets hidden, as everywhere. Links, monitors and messages are not told: they are
[traced](tracing.md).
"""


def page() -> str:
    """The whole page."""
    return f"{INTRODUCTION}\n" + "\n".join(_table()) + "\n"


def _table() -> Iterator[str]:
    yield "| type | when | `data` |"
    yield "| --- | --- | --- |"
    for name, one in TYPES.items():
        yield f"| `{name}` | {one.when} | {one.data} |"
    yield ""
    yield "This page is made: `python -m superlearner.observing.events.page > docs/events.md`."


if __name__ == "__main__":
    sys.stdout.write(page())
