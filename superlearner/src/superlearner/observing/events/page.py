"""Generator of the page on events, `docs/events.md`.

python -m superlearner.observing.events.page > docs/events.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Final

from superlearner.observing.events.types import TYPES

__all__ = ["page"]

INTRODUCTION: Final = """\
# Events

```sh
superlearner events stream                                  # and in another terminal:
superlearner process kill counter_1
```

```text
15:43:39.614  exited            counter_1 <0.15.0> was killed
15:43:39.615  operation_done    owner did process.kill
15:43:39.671  child_restarted   counter_1 <0.15.0> was killed; demo_one_for_one (one_for_one) restarted counter_1
                                <0.31.0>; 2 of 3 restarts left in 5 s
```

Events are printed as they happen, until Ctrl-C; `--json` prints each as a line of JSON. If an attached service ends, a
line on standard error says so, and the events of its next run follow.

```sh
superlearner events stream --types crashed,gave_up --last 20
superlearner events stream --pid counter_1
superlearner events stream --supervisor demo_one_for_one --json
curl -N http://localhost:4000/api/v1/events
```

## Over HTTP

`GET /api/v1/events` returns [server-sent events](https://html.spec.whatwg.org/multipage/server-sent-events.html). In a
browser, use `new EventSource("/api/v1/events")`:

```text
id: 6fe1b2c8-84
event: child_restarted
data: {"id":"6fe1b2c8-84","type":"child_restarted","at":1795189309.693841,"pid":"0.30.0","name":"counter_1", …}
```

- **Resume.** Send the last `id` as the header `Last-Event-ID` (browsers do so) or as `last_id`: no event is missing or
  repeated, even after a restart of the web server. `last=20` begins with the last 20.
- **Gaps.** The platform keeps the last `events_kept` (10,000) events. If unread ones are gone, an event `gap` has their
  number (`lost`, all types) and `reason`: `ring` or `slow` (you read too slowly), `restarted` (the platform),
  `attached` (the node, again), `unknown` (invalid id).
- **Ids** consist of the run of the platform and a number. An `id` line every ten seconds reports the position.
- **Filters**: `types` (separated by commas), `supervisor` (name or pid: itself, its decisions, its children), `pid`
  (pid, name or child id), `node`. Other nodes report processes, supervisors and anomalies only, from the first request
  on.
- **End**: after `limit` events, or `timeout_ms`. With `Accept: application/json` the answer is a single list (default:
  5 s or 100 events), with `last_id` to continue. When the web server ends, browsers reconnect after a second.

## The types

Every event has `id`, `type`, `at` (seconds since 1970), `timestamp`, `node` (none: the platform itself), `pid`, `name`
(of the process, or the id of the child), `supervisor`, `text` (a sentence), `seq` and `cause` (its number on the node,
and that of its cause), `critical` (about the platform's own processes), and `data`; the
[kinds of a trace](tracing.md#the-kinds) explain its fields. Reasons and messages are cut, and secrets redacted. For
links, monitors and messages, use a [trace](tracing.md).
"""


def page() -> str:
    """Return the whole page."""
    return f"{INTRODUCTION}\n" + "\n".join(_table()) + "\n"


def _table() -> Iterator[str]:
    yield "| type | when | `data` |"
    yield "| --- | --- | --- |"
    for name, one in TYPES.items():
        yield f"| `{name}` | {one.when} | {one.data} |"
    yield ""
    yield "This page is generated: `python -m superlearner.observing.events.page > docs/events.md`."


if __name__ == "__main__":
    sys.stdout.write(page())
