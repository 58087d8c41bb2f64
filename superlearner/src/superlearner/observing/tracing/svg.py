"""Sequence diagram as an SVG image that follows the page's theme."""

from __future__ import annotations

from html import escape
from typing import Final

from superlearner.observing.tracing.diagram import Diagram, DiagramLane, DiagramStep, fate_of

__all__ = ["as_svg"]

LANE: Final = 190
LEFT: Final = 74
TOP: Final = 64
ROW: Final = 34
NARROWEST: Final = 480
NAME: Final = 22
"""Maximum length of a lane's name."""

STYLE: Final = """
.sd { color-scheme: light dark; font: 12px "Inter SL", system-ui, "Segoe UI", sans-serif;
  --sd-bg: #fbfaf7; --sd-ink: #1b1d22; --sd-dim: #676d78; --sd-line: #c9c5ba; --sd-box: #ffffff;
  --sd-call: #4338ca; --sd-cast: #007a55; --sd-bad: #b3261e; --sd-bad-bg: #fbe3e0; }
@media (prefers-color-scheme: dark) { .sd { --sd-bg: #10131a; --sd-ink: #e8eaf0; --sd-dim: #a3abba; --sd-line: #3a4252;
  --sd-box: #1d222d; --sd-call: #a5a1ff; --sd-cast: #74efc4; --sd-bad: #ff8a80; --sd-bad-bg: #431d1b; } }
:root[data-theme="light"] .sd { --sd-bg: #fbfaf7; --sd-ink: #1b1d22; --sd-dim: #676d78; --sd-line: #c9c5ba;
  --sd-box: #ffffff; --sd-call: #4338ca; --sd-cast: #007a55; --sd-bad: #b3261e; --sd-bad-bg: #fbe3e0; }
:root[data-theme="dark"] .sd { --sd-bg: #10131a; --sd-ink: #e8eaf0; --sd-dim: #a3abba; --sd-line: #3a4252;
  --sd-box: #1d222d; --sd-call: #a5a1ff; --sd-cast: #74efc4; --sd-bad: #ff8a80; --sd-bad-bg: #431d1b; }
.sd-bg { fill: var(--sd-bg); } .sd-box { fill: var(--sd-box); stroke: var(--sd-line); }
.sd-life { stroke: var(--sd-line); stroke-dasharray: 3 4; } .sd text { fill: var(--sd-ink); }
.sd .sd-dim { fill: var(--sd-dim); font-size: 11px; } .sd-name { font-weight: 600; }
.sd-arrow { fill: none; stroke-width: 1.4; }
.sd-call, .sd-reply { stroke: var(--sd-call); } .sd-cast, .sd-info, .sd-system { stroke: var(--sd-cast); }
.sd-reply { stroke-dasharray: 5 4; } .sd-arrow.sd-bad { stroke: var(--sd-bad); }
.sd-head { stroke: none; } .sd-head.sd-call, .sd-head.sd-reply { fill: var(--sd-call); }
.sd-head.sd-cast, .sd-head.sd-info, .sd-head.sd-system { fill: var(--sd-cast); }
.sd .sd-bad { fill: var(--sd-bad); } .sd-arrow.sd-bad { fill: none; }
.sd-mark { fill: var(--sd-box); stroke: var(--sd-line); }
.sd-mark.sd-crash { fill: var(--sd-bad-bg); stroke: var(--sd-bad); }
""".strip()


def as_svg(diagram: Diagram) -> str:
    """Return a self-contained image without scripts, fonts or external references."""
    ends = _ends(diagram)
    rows = len(diagram.steps)
    width = max(NARROWEST, LEFT + LANE * len(diagram.lanes) + 8)
    bottom = TOP + ROW * (rows + 1)
    height = bottom + 26
    label = f"Sequence diagram: {len(diagram.lanes)} participants, {rows} steps"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sd" role="img" aria-label="{label}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        f"<style>{STYLE}</style>",
        f'<rect class="sd-bg" width="{width}" height="{height}"/>',
    ]
    for number, lane in enumerate(diagram.lanes):
        parts.extend(_lane(number, lane, ends.get(number, bottom)))
    for row, step in enumerate(diagram.steps):
        parts.extend(_step(row, step))
    parts.append(f'<text class="sd-dim" x="12" y="{height - 9}">{_text(_foot(diagram))}</text>')
    parts.append("</svg>")
    return "\n".join(parts) + "\n"


def _x(lane: int) -> int:
    return LEFT + LANE // 2 + LANE * lane


def _y(row: int) -> int:
    return TOP + ROW * row + 26


def _ends(diagram: Diagram) -> dict[int, int]:
    """Return the bottom of lanes whose only process has ended for good."""
    ends: dict[int, int] = {}
    for row, step in enumerate(diagram.steps):
        if step.kind in ("exited", "crashed") and len(diagram.lanes[step.lane].pids) == 1:
            ends[step.lane] = _y(row)
        elif step.kind == "started":
            ends.pop(step.lane, None)
    return ends


def _lane(number: int, lane: DiagramLane, bottom: int) -> list[str]:
    x = _x(number)
    name = lane.label if len(lane.label) <= NAME else lane.label[: NAME - 1] + "…"
    under = lane.pids[0] if len(lane.pids) == 1 and lane.pids[0] not in lane.label else ""
    under = f"{len(lane.pids)} processes" if len(lane.pids) > 1 else under
    lines = [
        f'<line class="sd-life" x1="{x}" y1="52" x2="{x}" y2="{bottom}"/>',
        f'<rect class="sd-box" x="{x - 84}" y="10" width="168" height="42" rx="6">'
        f"<title>{_text(lane.label)}</title></rect>",
        f'<text class="sd-name" x="{x}" y="{28 if under else 35}" text-anchor="middle">{_text(name)}</text>',
    ]
    if under:
        lines.append(f'<text class="sd-dim" x="{x}" y="44" text-anchor="middle">{_text(under)}</text>')
    return lines


def _step(row: int, step: DiagramStep) -> list[str]:
    y = _y(row)
    time = f'<text class="sd-dim" x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{_time(step.at_ms)}</text>'
    if step.to is None:
        return [time, *_mark(y, step)]
    bad = " sd-bad" if step.dropped or step.unanswered or step.timeout_s is not None else ""
    kind = f"sd-{step.kind}{bad}"
    label = step.label + (" ✕ dropped" if step.dropped else fate_of(step))
    if step.to == step.lane:
        x = _x(step.lane)
        path = f"M{x} {y - 6} h26 v12 h-20"
        head = _head(x + 1, y + 6, -1, kind)
        return [
            time,
            f'<path class="sd-arrow {kind}" d="{path}"/>',
            head,
            _label(x + 34, y + 4, "start", label, bad, 20),
        ]
    start, end = _x(step.lane), _x(step.to)
    way = 1 if end > start else -1
    room = max(12, (abs(end - start) - 16) // 6)
    middle = (start + end) // 2
    return [
        time,
        f'<path class="sd-arrow {kind}" d="M{start} {y} H{end - 7 * way}"/>',
        _head(end, y, way, kind),
        _label(middle, y - 6, "middle", label, bad, room),
    ]


def _mark(y: int, step: DiagramStep) -> list[str]:
    x = _x(step.lane)
    crash = step.kind == "crashed"
    words = step.label if len(step.label) <= 30 else step.label[:29] + "…"
    half = max(34, len(words) * 33 // 10 + 8)
    bad = ' class="sd-bad"' if crash else ""
    sign = "✕ " if step.kind in ("exited", "crashed") else "● "
    return [
        f'<rect class="sd-mark{" sd-crash" if crash else ""}" x="{x - half}" y="{y - 12}" width="{2 * half}" '
        f'height="22" rx="11"><title>{_text(step.label)}</title></rect>',
        f'<text{bad} x="{x}" y="{y + 3}" text-anchor="middle">{_text(sign + words)}</text>',
    ]


def _head(x: int, y: int, way: int, kind: str) -> str:
    return f'<path class="sd-head {kind}" d="M{x} {y} l{-8 * way} -4 v8 z"/>'


def _label(x: int, y: int, anchor: str, words: str, bad: str, room: int) -> str:
    shown = words if len(words) <= room else words[: room - 1] + "…"
    mark = f' class="{bad.strip()}"' if bad else ""
    return f'<text{mark} x="{x}" y="{y}" text-anchor="{anchor}">{_text(shown)}<title>{_text(words)}</title></text>'


def _time(ms: float) -> str:
    if ms < 1000:
        return f"{ms:.1f} ms" if ms else "0"
    return f"{ms / 1000:.2f} s" if ms < 60_000 else f"{ms / 60_000:.1f} min"


def _foot(diagram: Diagram) -> str:
    words = ["solid: call, dashed: answer, green: cast or message"]
    if diagram.more:
        words.append(f"{diagram.more} more")
    if diagram.hidden:
        words.append(f"{diagram.hidden} within folded lanes")
    if diagram.others:
        words.append(f"{diagram.others} processes share the lane “others”")
    if diagram.note:
        words.append(diagram.note)
    return " · ".join(words)


def _text(words: str) -> str:
    """Return text for XML: special characters escaped, invalid ones replaced."""
    allowed = (sign if sign.isprintable() and not 0xD800 <= ord(sign) <= 0xDFFF else "\ufffd" for sign in words)
    return escape("".join(allowed))
