"""The state of the cluster as a file: what the pages show about it, as one JSON document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final, cast

import otp
import superlearner
from otp.redaction import without_secrets
from superlearner.control.clock import timestamp
from superlearner.operations.builtin.moment_files import UNSAFE_IN_NAME
from superlearner.operations.context import Context
from superlearner.operations.declaration import operation
from superlearner.operations.engine.execution import ask
from superlearner.operations.engine.services import Services
from superlearner.operations.results import TextFile

FORMAT: Final = 1
MOST: Final = 1000
"""Entries of a list; the document names those that may have more."""
PARTS: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = {
    "topology": ("cluster.topology", {"include_health": False}),
    "health": ("cluster.health", {}),
    "events": ("cluster.events", {"limit": MOST}),
    "registries": ("cluster.registries", {"limit": MOST}),
    "supervisors": ("cluster.supervisors", {"limit": MOST}),
    "names": ("cluster.names", {"limit": MOST}),
    "groups": ("cluster.groups", {"limit": MOST}),
    "map": ("cluster.map", {}),
    "moves": ("cluster.moves", {"limit": 200}),
    "simulation": ("cluster.simulation", {}),
}
"""The operation of each part of the document, with its parameters."""
LISTS: Final = {"events": "events", "registries": "entries", "supervisors": "entries", "names": "entries",
                "groups": "entries", "moves": "moves"}  # fmt: skip
"""The list in an answer that is as long as its limit allows."""
SETTINGS: Final = ("heartbeat", "dead", "settle")
TIMES: Final = frozenset({"at", "since", "formation_time", "last_updated"})
"""The fields that are times, in seconds since 1970."""


@operation("cluster.export", http=("GET", "/cluster/export"), scope="read", on="platform", short="content")
async def export(ctx: Context, services: Services, /) -> TextFile:
    """Export the state of the cluster as a file.

    One JSON document with what the page /cluster shows: members, health with its evidence, registries, distributed
    supervisors, names and groups, the map, moves, the simulation, settings and versions. `missing` names the nodes that
    did not answer, `shortened` the lists that may be longer. Times are in ISO 8601. Secrets are redacted.
    """
    asked = {part: ask(ctx, services, name, given) for part, (name, given) in PARTS.items()}
    answers = await asyncio.gather(*asked.values())
    parts = dict(zip(asked, answers, strict=True))
    listed: Any = await ask(ctx, services, "node.list", {})
    pythons = {one["name"]: one["python"] for one in listed}
    missing = {one["node"]: one["reason"] for part in answers for one in part.get("missing", ())}
    exported_at = timestamp()
    document = {
        "format": FORMAT,
        "exported_at": exported_at,
        "node": ctx.home.name,
        "versions": {
            "superlearner": superlearner.__version__,
            "otp": otp.__version__,
            "members": {
                one["name"]: {"otp": one["version"], "python": pythons.get(one["name"])}
                for one in parts["topology"]["nodes"]
            },
        },
        "settings": {name: parts["topology"][name] for name in SETTINGS},
        "missing": [{"node": node, "reason": reason} for node, reason in sorted(missing.items())],
        "shortened": [part for part, name in LISTS.items() if len(parts[part][name]) >= PARTS[part][1]["limit"]],
        **parts,
    }
    text = await asyncio.to_thread(_write, document)  # 0.2 s with 1,000 entries of each kind
    name = UNSAFE_IN_NAME.sub("-", f"cluster {ctx.home.name} {exported_at[:19].replace(':', '')}")
    return TextFile(filename=f"{name}.json", media_type="application/json", size=len(text.encode()), content=text)


def _write(document: Mapping[str, Any]) -> str:
    return json.dumps(_portable(document), ensure_ascii=False, indent=2) + "\n"


def _portable(value: Any, key: str = "") -> Any:
    """Return a part of the document with times as text, and without secrets.

    >>> _portable({"at": 1.5, "moves": [{"text": "token=abc moved"}]})
    {'at': '1970-01-01T00:00:01.500Z', 'moves': [{'text': 'token=*** moved'}]}
    """
    if isinstance(value, dict):
        return {without_secrets(name): _portable(one, name) for name, one in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_portable(one) for one in cast("list[Any]", value)]
    if isinstance(value, str):
        return without_secrets(value)
    if key in TIMES and isinstance(value, float | int):
        return timestamp(value)
    return value
