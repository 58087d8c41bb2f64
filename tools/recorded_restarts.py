"""The restarts that the documentation plays: small trees, ended in virtual time.

python -m tools.recorded_restarts writes `docs/pictures/restarts/*.json`; the animations beside them come from
`make screenshots`.
"""

from __future__ import annotations

import json
from typing import Any, Final

import otp
from otp import GenServer, observer
from otp.testing import Scheduler, wait_all_idle
from superlearner.control.clock import Clock
from superlearner.control.restart_events import groups
from superlearner.control.restart_moments import moment_of
from superlearner.control.restart_now import Running, waits
from superlearner.control.terms import short_state
from superlearner.operations.builtin.restarts import shown
from tools.files import ROOT
from tools.recorded_trees import Group, Part

FOLDER: Final = ROOT / "docs" / "pictures" / "restarts"
NAMES: Final = ("one_for_one", "one_for_all", "rest_for_one", "gives_up", "linked")


def part(name: str, linked_to: str | None = None) -> Any:
    """Return the child spec of a part."""
    return Part.child_spec(linked_to, id=name, name=name)


def group(name: str, children: list[Any], **flags: Any) -> Any:
    """Return the child spec of a supervisor."""
    return Group.child_spec((children, flags), id=name, name=name)


TREES: Final[dict[str, Any]] = {
    **{
        strategy: group("shop", [part("stock"), part("cart"), part("mailer")], strategy=strategy)
        for strategy in ("one_for_one", "one_for_all", "rest_for_one")
    },
    "gives_up": group(
        "shop", [part("stock"), group("checkout", [part("cart"), part("mailer")], max_restarts=1), part("clock")]
    ),
    "linked": group("shop", [part("stock"), part("cart", "stock"), part("mailer")]),
}
VICTIMS: Final = {"linked": "stock"}
ENDS: Final = {"gives_up": 2}


def recorded(name: str) -> dict[str, Any]:
    """Return a restart as `restart.show` does, with times of a virtual clock."""

    async def main() -> dict[str, Any]:
        node = otp.node()
        last = observer.keep_last_states(node, show=short_state)
        await Group.start_link(([TREES[name]], {}), name="top")
        victim = VICTIMS.get(name, "cart")
        for _ in range(ENDS.get(name, 1)):
            for each, messages in (("stock", 3), ("cart", 5), ("mailer", 2)):
                for _ in range(messages):
                    GenServer.cast(each, "work")
            await wait_all_idle()
            GenServer.cast(victim, "bad")
            await wait_all_idle()
        events, now = otp.trace.history(node), Running(node, last)
        found = groups(events, lambda end: waits(now, end))
        newest = max(found.values(), key=lambda one: one.id)
        moment = moment_of(events, newest, now)
        model = shown(moment, Clock(), "; ".join(step.text for step in moment.steps))
        return model.model_dump(mode="json") | {"at": 0.0, "storm": 0}

    return Scheduler().run(main)


def main() -> None:
    """Write all recordings."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in NAMES:
        text = json.dumps(recorded(name), indent=1)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
