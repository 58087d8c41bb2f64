"""The signals of one burst, in order, limited in number and ready to send.

A crash and its consequences take less than a millisecond, too fast to watch. The page draws them afterwards, slowed
down; every arrow is one event of the runtime:

    kill → ledger, ledger → exit → checkout_sup, checkout_sup → stop → mailer, … → start → ledger, …
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

__all__ = ["MOST_SIGNALS", "NOBODY", "Burst", "Kind"]

MOST_SIGNALS: Final = 40
NOBODY: Final = -1
"""Index for a party outside the tree: a person, external code, a process that no supervisor started."""

Kind = Literal["kill", "link", "exit", "stop", "start", "failed", "gave_up"]
"""A signal that ended a process; the end of a linked one; an end as its supervisor receives it; a shutdown by the
supervisor; a start by it; a failed start; no restart left."""

LETTERS: Final[dict[Kind, str]] = {
    "kill": "k", "link": "l", "exit": "e", "stop": "t", "start": "s", "failed": "f", "gave_up": "g",
}  # fmt: skip
"""The letter for each kind in a frame."""


@dataclass(slots=True)
class Burst:
    """The signals from the first cause on.

    Attributes:
        who: key and label of each process, in the order of first appearance.
        signals: kind, from, to (places in `who`, or `NOBODY`), time in ns, reason or pid.
        more: number of signals beyond `MOST_SIGNALS`.
    """

    who: dict[str, str] = field(default_factory=dict[str, str])
    signals: list[tuple[Kind, int, int, int, str]] = field(default_factory=list[tuple[Kind, int, int, int, str]])
    more: int = 0

    def add(
        self, kind: Kind, source: tuple[str, str] | None, target: tuple[str, str] | None, at_ns: int, word: str = ""
    ) -> None:
        """Add a signal between processes given as key and label; None is a party outside the tree.

        >>> burst = Burst()
        >>> burst.add("kill", None, ("s/a", "a"), 1_000_000)
        >>> burst.add("exit", ("s/a", "a"), ("s", "s"), 1_200_000, "killed")
        >>> burst.shown()["list"]
        [['k', -1, 0, 0], ['e', 0, 1, 200, 'killed']]
        """
        if len(self.signals) >= MOST_SIGNALS:
            self.more += 1
            return
        if self.signals:
            at_ns = max(at_ns, self.signals[-1][3])  # an end is reported when its supervisor handles it, never earlier
        self.signals.append((kind, self._place(source), self._place(target), at_ns, word[:80]))

    def starts(self) -> set[str]:
        """Return the keys of the processes started in it."""
        keys = list(self.who)
        return {keys[target] for kind, _, target, _, _ in self.signals if kind == "start" and target != NOBODY}

    def copy(self) -> Burst:
        """Return a copy that begins with the same signals."""
        return replace(self, who=dict(self.who), signals=list(self.signals))

    @property
    def full(self) -> bool:
        """True if further signals are only counted."""
        return len(self.signals) >= MOST_SIGNALS

    def shown(self, base: str | None = None, reason: str = "") -> dict[str, Any]:
        """Return the burst as it is sent; short, because every viewer gets it for every crash.

        Args:
            base: the key of the entry's supervisor; keys below it are sent without it.
            reason: the reason of the end in the entry; it is not repeated, nor is a stop's `shutdown`.

        `who` are keys, with the label if it is not the last part of the key; a signal is its letter, from, to and
        the microseconds since the first one.

        >>> burst = Burst()
        >>> burst.add("exit", ("top/s/a", "a"), ("top/s", "shop"), 1_200_000, "killed")
        >>> burst.add("start", ("top/s", "shop"), ("top/s/a", "a"), 1_900_000, "0.9.0")
        >>> burst.shown("top/s", "killed")
        {'who': ['/a', ['', 'shop']], 'list': [['e', 0, 1, 0], ['s', 1, 0, 700, '0.9.0']]}
        """
        first = self.signals[0][3] if self.signals else 0
        listed: list[list[Any]] = []
        for kind, source, target, at, word in self.signals:
            said = word != {"exit": reason, "stop": "shutdown"}.get(kind, "")
            listed.append([LETTERS[kind], source, target, (at - first) // 1000, *([word] if said else [])])
        shown: dict[str, Any] = {"who": [_told(key, label, base) for key, label in self.who.items()], "list": listed}
        return shown | {"more": self.more} if self.more else shown

    def _place(self, party: tuple[str, str] | None) -> int:
        if party is None:
            return NOBODY
        key, label = party
        self.who.setdefault(key, label)
        return list(self.who).index(key)


def _told(key: str, label: str, base: str | None) -> str | list[str]:
    """Return a key as it is sent, with the label if that is not its last part."""
    plain = label == key.rpartition("/")[2]
    if base is not None and (key == base or key.startswith(f"{base}/")):
        key = key[len(base) :]
    return key if plain else [key, label]
