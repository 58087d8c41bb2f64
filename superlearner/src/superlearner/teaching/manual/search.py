"""A search over the sections of all pages: BM25, prefixes, typing errors.

A word of the query counts fully where it occurs, less as the beginning of a word and, if it occurs nowhere, for a word
one edit away (two for long words). Sections with all words rank above those with some.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["Hit", "Index", "Indexed"]

WORD: Final = re.compile(r"[^\W_]+(?:_[^\W_]+)*")
CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
COMMON: Final = frozenset(
    re.findall(r"\w+", "a an and are as at be by do does for from how i in is it of on or that the to was what with")
)
K, B = 1.4, 0.6
IN_TITLE, IN_HEADING, IN_TEXT = 5.0, 4.0, 1.0
BEGINS, SLIPPED = 0.55, 0.4
EXCERPT: Final = 180
LONG_WORD: Final = 8


@dataclass(frozen=True, slots=True)
class Indexed:
    """A section in the index; `weight` is below 1 for pages that list everything."""

    address: str
    title: str
    heading: str
    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Hit:
    """A section that was found: its excerpt, and the positions of the words in it."""

    address: str
    title: str
    heading: str
    excerpt: str
    marks: tuple[tuple[int, int], ...]
    score: float


class Index:
    """An index of the words of all sections.

    >>> index = Index([Indexed("a", "Supervisor", "Restart intensity", "three restarts in five seconds")])
    >>> [hit.heading for hit in index.search("intensty")]
    ['Restart intensity']
    """

    def __init__(self, sections: Iterable[Indexed]) -> None:
        self._sections = tuple(sections)
        self._postings: dict[str, dict[int, float]] = {}
        lengths: list[int] = []
        for number, one in enumerate(self._sections):
            length = 0
            for text, weight in ((one.title, IN_TITLE), (one.heading, IN_HEADING), (one.text, IN_TEXT)):
                for word, count in Counter(words_of(text)).items():
                    found = self._postings.setdefault(word, {})
                    found[number] = found.get(number, 0.0) + count * weight
                    length += count
            lengths.append(length)
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        self._norms = [K * (1 - B + B * length / mean) for length in lengths]

    def search(self, question: str, most: int = 20) -> list[Hit]:
        """Return the best sections for a query, best first."""
        asked = list(dict.fromkeys(_plain_words(question)))
        meant = [word for word in asked if word not in COMMON] or asked
        found = [self._scores(word) for word in meant]
        if not any(scores for scores, _ in found):
            return []
        total: dict[int, float] = {}
        having: Counter[int] = Counter()
        for scores, _ in found:
            having.update(scores.keys())
            for number, score in scores.items():
                total[number] = total.get(number, 0.0) + score
        phrases = {" ".join(asked), " ".join(meant)}  # "what is a process" means the process
        worth = {
            number: score * (having[number] / len(meant)) ** 2 * self._favour(self._sections[number], phrases)
            for number, score in total.items()
        }
        matched = frozenset(word for _, words in found for word in words)
        ranked = sorted(worth, key=lambda number: (-worth[number], number))
        return [self._hit(number, worth[number], matched) for number in ranked[:most]]

    def _favour(self, one: Indexed, phrases: Collection[str]) -> float:
        """Return a factor: high for a title, low for pages that list everything."""
        title, heading = one.title.lower(), one.heading.lower()
        if not heading and title in phrases:
            return 3 * one.weight
        if heading in phrases:
            return 2 * one.weight
        if not heading and any(title.startswith(phrase) for phrase in phrases):
            return 1.8 * one.weight
        if any(phrase in heading or phrase in title for phrase in phrases):
            return 1.3 * one.weight
        return (
            1.6 * one.weight if any(" " in phrase and phrase in one.text.lower() for phrase in phrases) else one.weight
        )

    def _scores(self, word: str) -> tuple[dict[int, float], set[str]]:
        """Return the score of each section for a word, and the index words it matched."""
        root = stem(word)
        likely = {root: 1.0} if root in self._postings else {}
        if len(word) > 2:
            likely |= {one: BEGINS for one in self._postings if one != root and one.startswith(word)}
        if not likely:
            slips = 0 if len(word) < 4 else 1 if len(word) < LONG_WORD else 2
            likely = {one: SLIPPED for one in self._postings if slips and within(root, one, slips)}
        counts: dict[int, float] = {}  # all matched words count as one: otherwise the rarest would win
        for one, worth in likely.items():
            for number, count in self._postings[one].items():
                counts[number] = counts.get(number, 0.0) + count * worth
        rare = math.log(1 + (len(self._sections) - len(counts) + 0.5) / (len(counts) + 0.5))
        scores = {number: rare * count * (K + 1) / (count + self._norms[number]) for number, count in counts.items()}
        return scores, set(likely)

    def _hit(self, number: int, score: float, matched: frozenset[str]) -> Hit:
        one = self._sections[number]
        places = [
            (found.start(), found.end())
            for found in WORD.finditer(one.text)
            if not matched.isdisjoint(_forms(found[0]))
        ]
        begin, end = _window(one.text, places)
        before, behind = "… " if begin else "", " …" if end < len(one.text) else ""
        shift = len(before) - begin
        marks = tuple((left + shift, right + shift) for left, right in places if begin <= left and right <= end)
        return Hit(
            one.address, one.title, one.heading, f"{before}{one.text[begin:end]}{behind}", marks, round(score, 3)
        )


def words_of(text: str) -> Iterator[str]:
    """Yield the words of a text as indexed; compound words also in parts.

    >>> sorted(set(words_of("GenServer restarts")))
    ['gen', 'genserver', 'restart', 'server']
    """
    for found in WORD.finditer(text):
        yield from _forms(found[0])


def _forms(word: str) -> list[str]:
    forms = [stem(word.lower())]
    parts = [part for piece in word.split("_") for part in CAMEL.findall(piece)]
    if len(parts) > 1:
        forms += [stem(part.lower()) for part in parts if part.lower() not in COMMON]
    return forms


def _plain_words(text: str) -> Iterator[str]:
    for found in WORD.finditer(text):
        yield found[0].lower()


def stem(word: str) -> str:
    """Return a word without its ending for number or tense.

    >>> [stem(word) for word in ("restarts", "retries", "killed", "killing", "process", "one_for_one")]
    ['restart', 'retry', 'kill', 'kill', 'process', 'one_for_one']
    """
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 5 and word.endswith(("sses", "xes", "ches")):
        return word[:-2]
    for ending in ("ing", "ed"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word.removesuffix(ending)
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def within(left: str, right: str, slips: int) -> bool:
    """Return whether at most `slips` edits lead from one word to the other.

    An edit adds, removes or replaces a letter, or swaps two.

    >>> within("supervisor", "supervsior", 1), within("mailbox", "mailman", 1)
    (True, False)
    """
    if abs(len(left) - len(right)) > slips:
        return False
    before: Sequence[int] = ()
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, 1):
        before_that, before, row = before, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(row[j - 1] + 1, before[j] + 1, before[j - 1] + (one != other))
            if i > 1 and j > 1 and one == right[j - 2] and left[i - 2] == other:
                cost = min(cost, before_that[j - 2] + 1)
            row.append(cost)
        if min(row) > slips:
            return False
    return row[-1] <= slips


def _window(text: str, places: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the start and end of the best excerpt, at word boundaries."""
    if len(text) <= EXCERPT:
        return 0, len(text)
    starts = [left for left, _ in places] or [0]
    best = max(starts, key=lambda start: sum(start <= left and right <= start + EXCERPT for left, right in places))
    begin = max(0, min(best - 30, len(text) - EXCERPT))
    if begin:
        begin = text.find(" ", begin) + 1 if 0 <= text.find(" ", begin) < best else best
    end = min(len(text), begin + EXCERPT)
    if end < len(text):
        space = text.rfind(" ", begin, end)
        end = space if space > begin else end
    return begin, end
