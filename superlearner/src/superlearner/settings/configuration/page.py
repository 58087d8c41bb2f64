"""Generator of the page of all settings, `docs/settings.md`.

python -m superlearner.settings.configuration.page > docs/settings.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import Final

from superlearner.settings.configuration.described import Described, described

__all__ = ["page"]

INTRODUCTION: Final = """\
# Settings

Write a setting into `superlearner.toml` in the folder where you start the platform:

```toml
# superlearner.toml
kill_wait = 2.5
log_level = "info"
```

```text
kill_wait is 2.5 (was 5.0; superlearner.toml, line 2)
log_level is 'info' (was 'warning'; superlearner.toml, line 3)
```

The platform checks the file twice a second, and the terminal shows the changes. A file with an error is ignored as a
whole; terminal and page show the error:

```text
superlearner.toml, line 2: kill_wiat: expected a setting, got an unknown name; did you mean kill_wait?
```

## Precedence

Default < `superlearner.toml` < environment (`SUPERLEARNER_KILL_WAIT=2.5`) < flag (`--log-level info`) < API.
`superlearner config` shows each setting with value and source for the current folder; `superlearner settings list` asks
the running platform. Unknown variables beginning with `SUPERLEARNER_` are reported at the start, by `config` and by
`doctor`.

```sh
superlearner settings set kill_wait --value 2.5
superlearner settings reset kill_wait
superlearner settings file       # state and errors of the file
superlearner settings changes    # all changes, with their author
```

- Changes over the API require the scope `code` and last until they are reset or the platform ends; they are not written
  to a file ([why](decisions/0012-settings-over-the-api-are-not-kept.md)). `PUT /api/v1/settings` sets several, all or
  none.
- Over the API, a setting that needs a restart is refused with `restart_needed`.
- A running pause keeps its length. Intervals (`scan_interval`, `heartbeat_interval`) restart with the new value.
- Changes also appear in the log (`info`), on the page, in [the events](events.md) and in [the database](storage.md).

## All settings

Times are seconds. Settings marked * take effect after a restart, the others at once. This page is generated:
`python -m superlearner.settings.configuration.page > docs/settings.md`.
"""


def page() -> str:
    """Return the whole page."""
    return f"{INTRODUCTION}\n" + "\n".join(_table()) + "\n"


def _table() -> Iterator[str]:
    yield "| setting | meaning | default, values |"
    yield "| --- | --- | --- |"
    for one in described().values():
        mark = "" if one.hot else " *"
        facts = [f"`{json.dumps(one.default)}`" if one.default is not None else "", _bounds(one)]
        yield f"| `{one.name}`{mark} | {one.description} | {', '.join(filter(None, facts)) or 'not set'} |"


def _bounds(one: Described) -> str:
    """Return the choices or limits, with the unit if it is not seconds."""
    if one.choices:
        return ", ".join(f"`{choice}`" for choice in one.choices if choice != one.default)
    unit = f" {one.unit}" if one.unit not in (None, "s") else ""
    low, high = one.bounds.get("minimum"), one.bounds.get("maximum")
    if low is not None and high is not None:
        return f"{_number(low)}–{_number(high)}{unit}"
    signs = {"minimum": "≥ ", "exclusiveMinimum": "> ", "maximum": "≤ ", "exclusiveMaximum": "< "}
    bounds = ", ".join(f"{sign}{_number(one.bounds[bound])}" for bound, sign in signs.items() if bound in one.bounds)
    return f"{bounds}{unit}"


def _number(value: float) -> str:
    return f"{value:,.12g}"


if __name__ == "__main__":
    sys.stdout.write(page())
