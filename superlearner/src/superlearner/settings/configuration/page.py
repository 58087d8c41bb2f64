"""The page of all settings: `docs/settings.md`.

python -m superlearner.settings.configuration.page > docs/settings.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Any, Final

from superlearner.settings.configuration.described import Described, described

__all__ = ["page"]

INTRODUCTION: Final = """\
# Settings

Write one into a file `superlearner.toml` in the folder the platform is started in, and look at the terminal:

```toml
# superlearner.toml
kill_wait = 2.5
log_level = "info"
```

```text
kill_wait is 2.5 (was 5.0; superlearner.toml, line 2)
log_level is 'info' (was 'warning'; superlearner.toml, line 3)
```

Nothing was restarted. The file is looked at twice a second, and read when it has been the same at two looks. If
something in it is wrong, nothing of it is taken, and terminal and page say which line and why:

```text
superlearner.toml, line 2: kill_wiat: expected a setting, got an unknown name; did you mean kill_wait?
```

## Who wins

Default < `superlearner.toml` < environment (`SUPERLEARNER_KILL_WAIT=2.5`) < flag (`--log-level info`) < API. All are
checked, so a mistake in the file is found although a flag wins over it. `superlearner config` shows every setting, its
value and who gave it, of the folder it is called in; `superlearner settings list` asks the platform that runs.
A variable that begins with `SUPERLEARNER_` and is read by nobody is said at the start, by `config` and by `doctor`:

```text
superlearner: SUPERLEARNER_PROT is read by nobody; did you mean SUPERLEARNER_PORT?
```

```sh
superlearner settings set kill_wait --value 2.5
superlearner settings reset kill_wait
superlearner settings file       # how the file is, and what is wrong in it
superlearner settings changes    # who changed what, in all runs
```

- What is set over the API takes the scope `code`, holds at once, and until it is reset or the platform ends. It is
  written into no file: what the next start will be like stands in `superlearner.toml` alone
  ([why](decisions/0012-settings-over-the-api-are-not-kept.md)). `PUT /api/v1/settings` sets several, all or none.
- A file that is removed gives nothing any more: its settings go back to what environment, flags and defaults say.
- A change of a setting that takes effect after a restart says so. Over the API it is refused with `restart_needed`.
- A pause that is under way is not shortened: a tree that rests for 10 s does so although the pause is 1 s from now on.
  What is done every so often (`scan_interval`, `heartbeat_interval`) starts anew with the new value.
- Every change is told: on the terminal, in the log (`info`), on the page, in [the events](events.md), to telemetry
  (`settings.changed`, `settings.refused`), and kept in [the database](storage.md).

## All of them

Times are seconds. This table is made: `python -m superlearner.settings.configuration.page > docs/settings.md`.
"""


def page() -> str:
    """The whole page."""
    return f"{INTRODUCTION}\n" + "\n".join(_table()) + "\n"


def _table() -> Iterator[str]:
    yield "| setting | what it is | type | default | takes effect |"
    yield "| --- | --- | --- | --- | --- |"
    for one in described().values():
        yield f"| `{one.name}` | {one.description} | {_type(one)} | {_shown(one.default)} | {_when(one)} |"


def _when(one: Described) -> str:
    return "at once" if one.hot else "after a restart"


def _type(one: Described) -> str:
    unit = f", {one.unit}" if one.unit is not None else ""
    if one.choices:
        return ", ".join(f"`{choice}`" for choice in one.choices)
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = "".join(f", {signs[bound]} {value:g}" for bound, value in one.bounds.items() if bound in signs)
    return f"{one.type}{unit}{bounds}"


def _shown(value: Any) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


if __name__ == "__main__":
    sys.stdout.write(page())
