"""The ten levels of *Predict*: each makes a question from a seed, and guarantees that its point is tested."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

__all__ = ["LEVELS", "RULES", "Level", "Node", "Question", "Restart", "Strategy", "question"]

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
Restart = Literal["permanent", "transient", "temporary"]
Links = tuple[tuple[str, str], ...]

SUPERVISORS: Final = ("checkout_sup", "warehouse_sup", "billing_sup", "chat_sup", "intake_sup", "office_sup")
WORKERS: Final = ("ledger", "cart", "mailer", "shelves", "robot", "rooms", "history", "parser", "writer", "printer")
ALLOWED: Final = 3
WINDOW_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Node:
    """A process of the tree before the exit; a worker has no strategy. `used` restarts of the supervisor count.

    A dynamic supervisor has the strategy `one_for_one`.
    """

    name: str
    strategy: Strategy | None = None
    children: tuple[Node, ...] = ()
    restart: Restart = "permanent"
    used: int = 0
    dynamic: bool = False

    def walk(self) -> Iterator[Node]:
        """Yield this node and all below it, in start order."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(frozen=True, slots=True)
class Question:
    """A tree, the process that is killed, and pairs of linked processes."""

    level: int
    seed: int
    title: str
    rule: str
    root: Node
    victim: str
    links: Links = ()

    def above(self, name: str) -> Node | None:
        """Return the supervisor of a process, None for the root."""
        return next((one for one in self.root.walk() if any(child.name == name for child in one.children)), None)


@dataclass(frozen=True, slots=True)
class Level:
    """A level: its title, its rule, and the function that makes tree, victim and links."""

    title: str
    rule: str
    make: Callable[[Random], tuple[Node, str, Links]]


def _names(random: Random, count: int) -> tuple[str, ...]:
    return tuple(random.sample(WORKERS, count))


def _flat(random: Random, strategy: Strategy, names: tuple[str, ...], temporary: str = "") -> Node:
    return Node(random.choice(SUPERVISORS), strategy, tuple(_worker(name, temporary) for name in names))


def _worker(name: str, temporary: str = "") -> Node:
    return Node(name, restart="temporary" if name == temporary else "permanent")


def _shop(
    random: Random, first: Strategy, second: Strategy, *, used: int = 0, temporary: bool = False
) -> tuple[Node, Node, Node]:
    """Return a root, its branch of three children and its branch of two; the seed chooses which is first."""
    one, other = random.sample(SUPERVISORS, 2)
    names = _names(random, 5)
    short = names[random.randrange(2)] if temporary else ""  # not the last, whose restarts would stop it
    three = Node(one, first, tuple(_worker(name, short) for name in names[:3]), used=used)
    two = Node(other, second, tuple(_worker(name) for name in names[3:]))
    branches = (three, two) if random.random() < 0.5 else (two, three)
    return Node("shop", "one_for_one", branches), three, two


def _strategy(random: Random) -> Strategy:
    return random.choice(("one_for_one", "one_for_all", "rest_for_one"))


def _one_for_one(random: Random) -> tuple[Node, str, Links]:
    names = _names(random, random.choice((3, 4)))
    return _flat(random, "one_for_one", names), random.choice(names), ()


def _rest_for_one(random: Random) -> tuple[Node, str, Links]:
    names = _names(random, random.choice((3, 4)))
    return _flat(random, "rest_for_one", names), random.choice(names[:-1]), ()


def _order_matters(random: Random) -> tuple[Node, str, Links]:
    names = _names(random, random.choice((3, 4)))
    return _flat(random, "rest_for_one", names), random.choice(names[1:]), ()


def _one_for_all(random: Random) -> tuple[Node, str, Links]:
    names = _names(random, random.choice((3, 4)))
    return _flat(random, "one_for_all", names), random.choice(names), ()


def _temporary(random: Random) -> tuple[Node, str, Links]:
    names = _names(random, random.choice((3, 4)))
    victim = random.choice(names)
    return _flat(random, _strategy(random), names, victim), victim, ()


def _two_branches(random: Random) -> tuple[Node, str, Links]:
    root, three, _ = _shop(random, "rest_for_one", "one_for_all")
    return root, random.choice(three.children[:2]).name, ()


def _in_the_way(random: Random) -> tuple[Node, str, Links]:
    names = _names(random, random.choice((3, 4)))
    strategy: Strategy = random.choice(("rest_for_one", "one_for_all"))
    at = random.randrange(len(names) - 1)
    temporary = random.choice(names[at + 1 :])
    return _flat(random, strategy, names, temporary), names[at], ()


def _supervisor_crashes(random: Random) -> tuple[Node, str, Links]:
    root, three, two = _shop(random, _strategy(random), _strategy(random))
    return root, random.choice((three, two)).name, ()


def _link(random: Random) -> tuple[Node, str, Links]:
    root, three, two = _shop(random, random.choice(("one_for_one", "rest_for_one")), _strategy(random))
    victim, other = random.choice(three.children).name, random.choice(two.children).name
    return root, victim, ((victim, other),)


def _escalation(random: Random) -> tuple[Node, str, Links]:
    first: Strategy = random.choice(("one_for_one", "rest_for_one"))
    root, three, two = _shop(random, first, _strategy(random), used=ALLOWED, temporary=True)
    victim = random.choice([one for one in three.children if one.restart == "permanent"]).name
    sibling = random.choice([one for one in three.children if one.name != victim]).name
    return root, victim, ((sibling, random.choice(two.children).name),)


LEVELS: Final = (
    Level("one_for_one", "one_for_one restarts only the child that ended.", _one_for_one),
    Level("rest_for_one", "rest_for_one restarts the child that ended and those started after it.", _rest_for_one),
    Level("Order matters", "rest_for_one leaves the children running that started earlier.", _order_matters),
    Level("one_for_all", "one_for_all stops all children, newest first, and starts them in order.", _one_for_all),
    Level("A temporary child", "No strategy restarts a temporary child after its end.", _temporary),
    Level("Two branches", "A strategy concerns only the children of its own supervisor.", _two_branches),
    Level(
        "A temporary sibling",
        "A temporary child that is stopped because of a sibling is not started again.",
        _in_the_way,
    ),
    Level(
        "A supervisor is killed",
        "The children of a supervisor end with it. The supervisor above starts it again, and it starts its children.",
        _supervisor_crashes,
    ),
    Level(
        "A link across branches",
        "A process that is linked to the killed one ends too. Its supervisor then applies its own strategy.",
        _link,
    ),
    Level(
        "No restarts left",
        "A supervisor with no restarts left stops its children and ends. The supervisor above starts it again, with "
        "all its children, including temporary ones. A process that is linked to one that was stopped ends too.",
        _escalation,
    ),
)
"""All levels, the easiest first."""

RULES: Final = {level.title: level.rule for level in LEVELS}


def question(level: int, seed: int) -> Question:
    """Return the question of a level (1 to 10) and a seed, always the same one.

    >>> question(2, 7) == question(2, 7)
    True
    >>> question(2, 7).title
    'rest_for_one'
    """
    chosen = LEVELS[level - 1]
    root, victim, links = chosen.make(Random(f"predict/{level}/{seed}"))
    return Question(level, seed, chosen.title, chosen.rule, root, victim, links)
