"""The table of who restarts that the pages read, made from the decisions of `otp`'s supervisors.

python -m tools.restart_rules            writes it; run it after you change what a supervisor decides
python -m tools.restart_rules --check    refuses one that is outdated
"""

from __future__ import annotations

import json
import sys
from typing import Final, get_args

from otp.observer.prediction import STATIC, Flags, Restart, Sibling, is_clean, is_restarted, predict
from tools.files import ROOT

__all__ = ["TABLE", "written"]

TABLE: Final = ROOT / "superlearner/src/superlearner/web/static/teaching/restart-table.js"
RESTARTS: Final[tuple[Restart, ...]] = get_args(Restart)
REASONS: Final = {"clean": "normal", "failure": "killed"}
HEAD: Final = """\
/**
 * Who restarts, as `otp`'s supervisors decide. Made by `python -m tools.restart_rules`; do not edit it.
 *
 * @module
 */
"""


def written() -> str:
    """Return the content of the table."""
    clean = [reason for reason in ("normal", "shutdown", "killed") if is_clean(reason)]
    again = {name: [one for one in RESTARTS if is_restarted(one, reason)] for name, reason in REASONS.items()}
    along = {strategy: {place: _along(strategy, place) for place in ("before", "after")} for strategy in STATIC}
    values = {
        "CLEAN": ("Reasons that are texts and no failures.", "string[]", clean),
        "RESTARTED": (
            "The restart types of children that are restarted, by the kind of the reason.",
            'Record<"clean"|"failure", string[]>', again,
        ),
        "ALONG": (
            "The fate of a child when a sibling is restarted, by strategy, the child's place in start order, and its "
            "restart type.",
            'Record<string, Record<"before"|"after", Record<string, "restarts"|"stays"|"gone">>>', along,
        ),
    }  # fmt: skip
    lines = [
        f"/** {words} @type {{{kind}}} */\nexport const {name} = {json.dumps(value, indent=2)};\n"
        for name, (words, kind, value) in values.items()
    ]
    return "\n".join([HEAD, *lines])


def _along(strategy: str, place: str) -> dict[Restart, str]:
    """Return the fate of a child that stands before or after a sibling that is restarted, by its restart type."""
    fates: dict[Restart, str] = {}
    for restart in RESTARTS:
        ended, other = Sibling("ended", "permanent"), Sibling("other", restart)
        found = predict(
            Flags(strategy, "infinity", "infinity"), [other, ended] if place == "before" else [ended, other],
            "ended", "killed",
        )  # fmt: skip
        fates[restart] = "restarts" if "other" in found.started else "gone" if "other" in found.gone else "stays"
    return fates


if __name__ == "__main__":
    if sys.argv[1:] != ["--check"]:
        TABLE.write_text(written(), encoding="utf-8")
    elif not TABLE.exists() or TABLE.read_text(encoding="utf-8") != written():
        sys.exit(f"{TABLE.relative_to(ROOT)} is not what otp decides: run python -m tools.restart_rules")
