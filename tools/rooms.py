"""Draw packages and their imports as `docs/pictures/layers.svg`.

    python -m tools.rooms            # write it
    python -m tools.rooms --check    # refuse one that is outdated

The rows are the layers of `pyproject.toml`, which import-linter enforces. An arrow stands for imports; one that follows
from others (a path over other packages leads to the same place) is left out. A package is described by the first
sentence of its docstring.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from tools.files import ROOT

__all__ = ["draw", "imports_of", "layers", "modules_of", "reduced"]

PICTURE = ROOT / "docs/pictures/layers.svg"
SOURCES = {"superlearner": ROOT / "superlearner/src/superlearner", "otp": ROOT / "otp/src/otp"}
CONTRACTS = {"superlearner": "platform-layers", "otp": "otp-layers"}
TITLES = {
    "superlearner": "superlearner: the platform, an otp application itself",
    "otp": "otp: the library, on the standard library alone",
}
WIDTH, LEFT, BOX, GAP, ROW = 960, 20, 34, 12, 62
STYLE = """
    :root { color-scheme: light dark }
    .back { fill: #fff } .ink { fill: #1c2430 } .soft { fill: #5b6675 }
    .box { fill: #f4f6f9; stroke: #c3cbd6 } .superlearner { fill: #e3efff; stroke: #3b76c4 }
    .otp { fill: #e6f5ea; stroke: #3c8f56 } .arrow { stroke: #8b96a5; fill: none } .head { fill: #8b96a5 }
    @media (prefers-color-scheme: dark) {
      .back { fill: #12161c } .ink { fill: #e8edf3 } .soft { fill: #a3aebb }
      .box { fill: #1c222b; stroke: #434e5c } .superlearner { fill: #16304f; stroke: #6da4ea }
      .otp { fill: #16351f; stroke: #62b67c } .arrow { stroke: #66717f } .head { fill: #66717f }
    }
    rect { rx: 6 } text { font-size: 15px; text-anchor: middle } .left { text-anchor: start }
"""


def imports_of(package: Path, rooms: set[str], *, annotations: bool = False) -> dict[str, set[str]]:
    """Return the packages that each package imports at run time, or also for ``annotations``."""
    found: dict[str, set[str]] = {room: set() for room in rooms}
    for file in package.rglob("*.py"):
        room = file.relative_to(package).parts[0].removesuffix(".py")
        if room not in rooms:
            continue
        for module in modules_of(ast.parse(file.read_text(encoding="utf-8")), annotations=annotations):
            parts = module.split(".")
            if parts[0] == package.name and len(parts) > 1 and parts[1] in rooms - {room}:
                found[room].add(parts[1])
    return found


def modules_of(tree: ast.AST, *, annotations: bool = False) -> Iterator[str]:
    """Yield the modules that a module imports at run time, or also for ``annotations``."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) if not annotations:
                continue
            case ast.ImportFrom(module=str(module)):
                yield from (f"{module}.{alias.name}" for alias in node.names)
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case _:
                yield from modules_of(node, annotations=annotations)


def reduced(arrows: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return the arrows that do not follow from others.

    >>> reduced({"cli": {"web", "base"}, "web": {"base"}, "base": set()})
    [('cli', 'web'), ('web', 'base')]
    """

    def reaches(start: str, end: str) -> bool:
        return any(step == end or reaches(step, end) for step in sorted(arrows[start]))

    return [
        (start, end)
        for start in sorted(arrows)
        for end in sorted(arrows[start])
        if not any(reaches(other, end) for other in sorted(arrows[start] - {end}))
    ]


def layers(distribution: str, root: Path = ROOT) -> list[list[str]]:
    """Return the packages of a distribution, the highest layer first; those in a row may import each other."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    listed = next(one["layers"] for one in contracts if one["id"] == CONTRACTS[distribution])
    rows = [[room.strip(" ()") for room in layer.split(":")] for layer in listed]
    return [[room for room in row if not room.startswith("_")] for row in rows if not row[0].startswith("_")]


def _purpose(package: Path) -> str:
    file = package / "__init__.py" if package.is_dir() else package.with_suffix(".py")
    said = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) if file.exists() else None
    return "reserved" if said is None else said.split("\n")[0].rstrip(".").replace("`", "")


def draw() -> str:
    """Return the picture."""
    shapes: list[str] = []
    top = 0
    for distribution, source in SOURCES.items():
        shapes.append(f'<text class="soft left" x="{LEFT}" y="{top + 26}">{TITLES[distribution]}</text>')
        rows = layers(distribution)
        places: dict[str, tuple[float, float, float]] = {}
        for number, row in enumerate(rows):
            width = (WIDTH - 2 * LEFT - GAP * (len(row) - 1)) / len(row)
            for place, room in enumerate(row):
                places[room] = (LEFT + place * (width + GAP), top + 40 + number * ROW, width)
        arrows = imports_of(source, set(places))
        shapes += [_arrow(places, start, end) for start, end in reduced(arrows)]
        shapes += [_box(distribution, source, room, place) for room, place in places.items()]
        top += 40 + len(rows) * ROW
    drawn = "\n  ".join(shapes)
    caption = "Each package imports only packages below it."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" aria-labelledby="t d" '
        f'font-family="system-ui, sans-serif">\n  <title id="t">The packages of SuperLearner and otp</title>\n'
        f'  <desc id="d">{caption}</desc>\n  <style>{STYLE}  </style>\n'
        f'  <rect class="back" width="{WIDTH}" height="{top}" style="rx: 0"/>\n  {drawn}\n</svg>\n'
    )


def _box(distribution: str, source: Path, room: str, place: tuple[float, float, float]) -> str:
    x, y, width = place
    purpose = _purpose(source / room)
    kind = "box" if purpose == "reserved" else distribution
    most = int(width / 8) - len(room) - 4
    words = purpose if len(purpose) <= most else f"{purpose[: max(0, most - 1)].rsplit(' ', 1)[0]} …"
    text = f'<tspan font-weight="600">{room}</tspan>' + (f" {escape(words)}" if most > 25 else "")
    return (
        f'<g><title>{escape(f"{room}: {purpose}")}</title><rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" '
        f'height="{BOX}"/><text class="ink" x="{x + width / 2:g}" y="{y + 22:g}">{text}</text></g>'
    )


def _arrow(places: Mapping[str, tuple[float, float, float]], start: str, end: str) -> str:
    (x, y, width), (to_x, to_y, to_width) = places[start], places[end]
    low, high = max(x, to_x), min(x + width, to_x + to_width)
    shared = (low + high) / 2 if low < high else None
    begin, target = (shared, shared) if shared is not None else (x + width / 2, to_x + to_width / 2)
    head = f"M{target:g} {to_y:g} l-5 -9 h10 z"
    return f'<path class="arrow" d="M{begin:g} {y + BOX:g} L{target:g} {to_y - 8:g}"/><path class="head" d="{head}"/>'


def main() -> int:
    picture = draw()
    if "--check" in sys.argv:
        if PICTURE.read_text(encoding="utf-8") == picture:
            return 0
        print("docs/pictures/layers.svg is outdated; try python -m tools.rooms", file=sys.stderr)
        return 1
    PICTURE.write_text(picture, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
