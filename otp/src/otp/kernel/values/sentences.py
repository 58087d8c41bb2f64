"""Sentences about what happened to a process, built from the facts of its event.

The log, the feed of a page, a list of events and an explanation of causes all use these sentences, so that the same
event reads the same everywhere. A fact is text or a number; `otp.kernel.ends.wording` converts terms to text.
`otp.sentences` is the public name of these functions.

>>> story(ended("ledger", "ValueError('no')", failed=True), restarted("shop", "ledger", used=1, allowed=3, window=5))
"ledger crashed: ValueError('no'); shop restarted ledger; 2 of 3 restarts left in 5 s"
"""

from __future__ import annotations

import logging
import os.path
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from otp.kernel.values.bounded import close_quote
from otp.kernel.values.numbers import duration, elapsed, ordinal, times_text
from otp.standard_streams import write_line

NAMED: Final = 10
"""Maximum number of names in one sentence; the others are counted."""
UNLIMITED: Final = "unlimited restarts"
UNREMARKABLE: Final = 1000
"""Number of allowed restarts from which those left are not mentioned."""


def story(*clauses: str) -> str:
    """Join clauses in the order of events; empty ones are left out.

    >>> story("ledger crashed", "", "shop_sup restarted it"), story("is a return missing?", "shop_sup restarted it")
    ('ledger crashed; shop_sup restarted it', 'is a return missing? shop_sup restarted it')
    """
    joined = ""
    for clause in filter(None, clauses):
        joined += f"{('' if not joined else ' ' if joined.endswith('?') else '; ')}{clause}"
    return joined


# Starts and ends


def started(by: str, child: str) -> str:
    """Return the sentence about the start of a child, or of a process whose parent is `by`.

    >>> started("shop_sup", "ledger"), started("", "till <0.7.0>")
    ('shop_sup started ledger', 'till <0.7.0> was started')
    """
    return f"{by} started {child}" if by else f"{child} was started"


def stopped(by: str, children: Sequence[str], *, strategy: str | None = None, why: str = "", more: int = 0) -> str:
    """Return the sentence about children that their supervisor stopped, in this order.

    >>> stopped("shop_sup", ["mailer", "cart"], strategy="rest_for_one", why="they were started after ledger")
    'shop_sup (rest_for_one) stopped mailer, then cart: they were started after ledger'
    """
    whom = listed(children, "then", more)
    return f"{_by(by, strategy)} stopped {whom}{f': {why}' if why else ''}"


def stopped_on_request(child: str) -> str:
    """Return the sentence about a child that was stopped on request and does not run.

    >>> stopped_on_request("cart")
    'cart was stopped on request'
    """
    return f"{child} was stopped on request"


def restarted_on_request(children: Sequence[str], *, more: int = 0) -> str:
    """Return the sentence about children that were stopped and started again on request.

    >>> restarted_on_request(["cart"]), restarted_on_request(["cart", "ledger"])
    ('cart was restarted on request', 'cart and ledger were restarted on request')
    """
    return f"{listed(children, more=more)} {'was' if len(children) + more == 1 else 'were'} restarted on request"


def ended(
    who: str,
    reason: str,
    *,
    failed: bool,
    doing: str = "",
    at: str | None = None,
    by: str | None = None,
    times: int = 1,
    span: float = 0.0,
) -> str:
    """Return the sentence about an end, or about several that are alike.

    Args:
        who: the process.
        reason: its exit reason as text.
        failed: whether that is a failure: not `normal`, `shutdown` or `("shutdown", term)`.
        doing: what `handling` returned.
        at: the line, as `shop.py:58 in handle_call`; it is left out if the reason names it.
        by: who sent the exit signal.
        times: the number of ends.
        span: the seconds from the first to the last of them.

    >>> ended("ledger", "killed", failed=True, by="a signal from outside")
    'ledger was killed, by a signal from outside'
    >>> ended("ledger", "ValueError('no')", failed=True, times=7, span=1.23)
    "ledger crashed 7 times in 1.2 s: ValueError('no')"
    >>> ended("it", "shutdown", failed=False)
    'it ended: shutdown'
    >>> ended("till", "no", failed=True, doing="in handle_cast('go')", at="shop.py:15 in handle_cast")
    "till crashed: no, in handle_cast('go') at shop.py:15"
    """
    often = f" {times_text(times)} in {elapsed(max(span, 0.1))}" if times > 1 else ""
    verb, why = ("was killed", "") if reason == "killed" else ("crashed" if failed else "ended", f": {reason}")
    place = at_place(at, reason)
    if place.partition(" in ")[2] == _callback_of(doing):
        doing, place = f"{doing}{place.partition(' in ')[0].removeprefix(',')}", ""
    more = (doing, place.removeprefix(", "), f"by {by}" if by else "")
    return ", ".join((f"{who} {verb}{often}{why}", *(part for part in more if part)))


def _callback_of(doing: str) -> str | None:
    """Return the callback in what `handling` returned; None if a state follows it."""
    return None if not doing or ", state " in doing else doing.removeprefix("in ").partition("(")[0].rpartition(".")[2]


def place_text(place: tuple[str, int, str]) -> str:
    """Return file, line and function in one form.

    >>> place_text(("/app/shop.py", 58, "Till.handle_call"))
    'shop.py:58 in handle_call'
    """
    file, line, function = place
    return f"{os.path.basename(file)}:{line} in {function.rpartition('.')[2]}"


def at_place(at: str | None, reason: str) -> str:
    """Return the end of a sentence about a reason: the line, unless the reason names it.

    >>> at_place("shop.py:58 in pay", "ValueError('no')"), at_place("shop.py:58 in pay", "pay (shop.py:58) returned 5")
    (', at shop.py:58 in pay', '')
    """
    place = (at or "").partition(" ")[0]
    is_told = not place or (place in reason and not reason.partition(place)[2][:1].isdigit())
    return "" if is_told else f", at {at}"


def handling(message: str | None, callback: str | None, state: str | None = None) -> str:
    """Return the clause about what a process was doing.

    >>> handling("('pay', 3)", "handle_call"), handling("'cast', 'go'", "Door.open", "'open'"), handling(None, "init")
    ("in handle_call(('pay', 3))", "in Door.open('cast', 'go'), state 'open'", 'in init')
    """
    called = callback if message is None else f"{callback}({close_quote(message)})"
    return f"in {called}{f', state {state}' if state else ''}" if callback else ""


def ended_with(who: str, other: str, reason: str) -> str:
    """Return the sentence about an end caused by a link.

    >>> ended_with("mailer", "ledger", "killed")
    'mailer was linked to ledger and ended with it: killed'
    """
    return f"{who} was linked to {other} and ended with it: {reason}"


def stop_failed(who: str, reason: str, *, failed: bool, at: str | None = None, seconds: float | None = None) -> str:
    """Return the sentence about a child that did not end as its supervisor asked; "" if it did.

    Args:
        who: the child.
        reason: its exit reason as text.
        failed: whether that is a failure.
        at: the line of a crash in `terminate`.
        seconds: its `shutdown`, if it was killed because it took longer.

    >>> stop_failed("it", "killed", failed=True, seconds=5.0)
    'it was killed, since it did not end within its shutdown time of 5 s'
    >>> stop_failed("till", "KeyError('a')", failed=True, at="shop.py:9 in terminate")
    "till crashed: KeyError('a'), at shop.py:9 in terminate"
    >>> stop_failed("till", "killed", failed=True)
    ''
    """
    if seconds is not None:
        return f"{who} was killed, since it did not end within its shutdown time of {duration(seconds)}"
    return ended(who, reason, failed=True, at=at) if failed and reason != "killed" else ""


# What supervisors do after an end


def restarted(
    by: str,
    child: str,
    *,
    strategy: str | None = None,
    along: Sequence[str] = (),
    more: int = 0,
    used: Any = None,
    allowed: Any = None,
    window: Any = None,
) -> str:
    """Return the sentence about a restart, with the siblings restarted along and the budget.

    >>> restarted(
    ...     "shop", "ledger <0.9.0>", strategy="rest_for_one", along=["cart", "mailer"], used=1, allowed=3, window=5.0
    ... )
    'shop (rest_for_one) restarted ledger <0.9.0>, and with it cart and mailer; 2 of 3 restarts left in 5 s'
    """
    others = f", and with it {listed(along, 'and', more)}" if along else ""
    return story(f"{_by(by, strategy)} restarted {child}{others}", budget(used, allowed, window))


def could_not_restart(
    by: str, child: str, reason: str, *, at: str = "", used: Any = None, allowed: Any = None, window: Any = None
) -> str:
    """Return the sentence about a restart that failed; `at` is the line, as `shop.py:58 in init`.

    >>> could_not_restart("shop", "ledger", "no_disk", used=2, allowed=3, window=5)
    'shop could not restart ledger: no_disk; 1 of 3 restarts left in 5 s'
    """
    return story(f"{by} could not restart {child}: {reason}{at_place(at, reason)}", budget(used, allowed, window))


def tried(by: str, child: str, times: int, reason: str, *, function: str = "", at: str = "") -> str:
    """Return the sentence about restarts that failed in the same way, one after the other.

    Args:
        by: the supervisor.
        child: the child that it tried to start.
        times: the number of attempts.
        reason: why each of them failed.
        function: the user's function that raised; "" if none did.
        at: the file and line that raised, in that function or in a process below the child.

    >>> tried("Tally", "counter", 3, "ValueError('boom')", function="init", at="tally.py:7")
    "Tally tried 3 times to start counter; each time init raised ValueError('boom'), at tally.py:7"
    >>> tried("Tally", "counter", 12, "no_disk")
    'Tally tried 12 times to start counter; each time it failed: no_disk'
    """
    how = f"{function} raised {reason}" if function else f"it failed: {reason}"
    return f"{by} tried {times_text(times)} to start {child}; each time {how}{at_place(at, reason)}"


def could_not_start(by: str, child: str, reason: str, *, at: str | None = None, request: str = "") -> str:
    """Return the sentence about a child that did not start with its supervisor, or on a request."""
    return f"{by} could not start {child}{f' on {request}' if request else ''}: {reason}{at_place(at, reason)}"


def not_restarted(restart: str | None) -> str:
    """Return the clause about a child that is not restarted; `restart` is None without a supervisor.

    >>> not_restarted("temporary")
    'it is not restarted: its child spec has restart="temporary"'
    """
    ended = "ended normally and " if restart == "transient" else ""
    spec = f'its child spec has restart="{restart}"'
    return f"it {ended}is not restarted: {spec}" if restart else "it has no supervisor that restarts it"


def no_restart_left(by: str) -> str:
    """Return the clause about the end that makes a supervisor give up."""
    return f"{by} has no restart left"


def last_straw(child: str, reason: str, *, failed: bool, retried: bool) -> str:
    """Return the clause about what made a supervisor give up: the last end, or, if `retried`, the failed restart.

    >>> last_straw("ledger", "killed", failed=True, retried=False)
    'ledger was killed'
    >>> last_straw("ledger", "no_disk", failed=True, retried=True)
    'it could not restart ledger: no_disk'
    """
    return could_not_restart("it", child, reason) if retried else ended(child, reason, failed=failed)


def gave_up(who: str, last: str, *, allowed: Any, window: Any) -> str:
    """Return the sentence about a supervisor that needed one restart too many; `last` is what `last_straw` returned.

    >>> gave_up("shop", "ledger was killed", allowed=3, window=5)
    'shop gave up: max_restarts=3 allows 3 restarts in 5 s, and a 4th was needed (last: ledger was killed)'
    >>> gave_up("shop", "", allowed=1500, window=5)
    'shop gave up: max_restarts=1500 allows 1,500 restarts in 5 s, and a 1,501st was needed'
    """
    return f"{who} gave up: {_exceeded(allowed, window)}{f' (last: {last})' if last else ''}"


def restarts_after(by: str, who: str, pause: float, *, done: bool = False) -> str:
    """Return the clause about a restart after a pause; `done`: it has happened.

    >>> restarts_after("playground", "it", 30), restarts_after("playground", "it", 30, done=True)
    ('playground restarts it in 30 s', 'playground restarted it after 30 s')
    """
    return f"{by} restarted {who} after {duration(pause)}" if done else f"{by} restarts {who} in {duration(pause)}"


def budget(used: Any, allowed: Any, window: Any) -> str:
    """Return how many restarts of a supervisor are left; "" if it allows any number.

    >>> budget(1, 3, 5.0), budget(0, 1, None), budget(1, "infinity", 5)
    ('2 of 3 restarts left in 5 s', '1 of 1 restart left', '')
    """
    if type(used) is not int or type(allowed) not in (int, float) or allowed >= UNREMARKABLE:
        return ""
    time = f" in {duration(window)}" if type(window) in (int, float) else ""
    return f"{max(0, allowed - used)} of {allowed} restart{'s' * (allowed != 1)} left{time}"


def flags_changed(who: str, flags: Mapping[str, Any], known: str | None = None) -> str:
    """Return the sentence about new flags of a supervisor.

    Args:
        who: the supervisor.
        flags: the data of its event: `strategy`, `max_restarts`, `max_seconds`, and in `before` the old ones.
        known: the strategy that it had, for an event without `before`.

    >>> flags_changed("shop", {"strategy": "one_for_all"}, "one_for_one")
    'shop changed its strategy from one_for_one to one_for_all'
    >>> flags_changed("shop", {"strategy": "one_for_one", "max_restarts": 9, "max_seconds": 5}, "one_for_one")
    'shop now allows 9 restarts within 5 s'
    >>> flags_changed("shop", {"strategy": "one_for_one", "max_restarts": "infinity", "max_seconds": 5}, "one_for_one")
    'shop now allows unlimited restarts'
    """
    old, strategy, allowed = flags.get("before"), flags.get("strategy"), flags.get("max_restarts")
    before = cast("Mapping[str, Any]", old).get("strategy") if isinstance(old, Mapping) else known
    if not isinstance(strategy, str) or not isinstance(before, str):
        return f"{who} changed its strategy"
    if before != strategy:
        return f"{who} changed its strategy from {before} to {strategy}"
    if allowed == "infinity":
        return f"{who} now allows {UNLIMITED}"
    return f"{who} now allows {allowed} restart{'' if allowed == 1 else 's'}{_within(flags.get('max_seconds'))}"


# Names and the event loop


def registered(pid: str, name: str) -> str:
    """Return the sentence about a name that a process registered."""
    return f"<{pid}> is registered as {name}"


def unregistered(pid: str, name: str) -> str:
    """Return the sentence about a name that a process lost."""
    return f"<{pid}> is no longer registered as {name}"


def suspended(who: str, by: str = "") -> str:
    """Return the sentence about a server that handles no messages until it is resumed.

    >>> suspended("till", "<0.9.0>"), suspended("till")
    ('till was suspended by <0.9.0>', 'till was suspended')
    """
    return f"{who} was suspended{f' by {by}' if by else ''}"


def resumed(who: str, by: str = "") -> str:
    """Return the sentence about a server that handles messages again.

    >>> resumed("till", "<0.9.0>")
    'till was resumed by <0.9.0>'
    """
    return f"{who} was resumed{f' by {by}' if by else ''}"


def held(who: str, seconds: float, at: str = "") -> str:
    """Return the sentence about a callback that held the event loop until now.

    >>> held("till", 3.21, "shop.py:12 in handle_cast")
    'till held the event loop for 3.2 s, at shop.py:12 in handle_cast'
    """
    return f"{who} held the event loop for {elapsed(seconds)}{f', at {at}' if at else ''}"


def abandoned_cleanup(who: str, at: str | None) -> str:
    """Return the sentence about a killed process that had no time to clean up."""
    return f"{who} did not finish its cleanup{f', at {at}' if at else ''}"


# Settings and nodes


def setting_changed(setting: str, before: str, after: str, where: str, *, now: bool) -> str:
    """Return the sentence about a changed setting; `now` is False if the change waits for a restart.

    >>> setting_changed("port", "4000", "4001", "default", now=False)
    'port will be 4001 after a restart (was 4000; default)'
    """
    when = f"is {after}" if now else f"will be {after} after a restart"
    return f"{setting} {when} (was {before}; {where})"


GONE: Final = {
    "timeout": "{old} was lost (silent for too long)",
    "connection_lost": "{old} was lost (connection closed)",
    "left": "{old} left the cluster",
    "closed": "its supervisor on {old} ended",
    "leaving": "{old} is leaving the cluster",
    "rebalance": "the children were rebalanced",
}


def moved(child: str, old: str, new: str, reason: str, down: float | None = None) -> str:
    """Return the sentence about a child that runs on another member of its cluster.

    `reason` is that of the event `placement_changed`, and `down` the seconds until the child ran again.

    >>> moved("c3", "m2@127.0.0.1", "m1@127.0.0.1", "connection_lost", 0.94)
    'c3 moved from m2 to m1: m2 was lost (connection closed); down for 0.94 s'
    >>> moved("c3", "m2@127.0.0.1", "m1@127.0.0.1", "leaving")
    'c3 moved from m2 to m1: m2 is leaving the cluster'
    >>> moved("c3", "m2@127.0.0.1", "m1@127.0.0.1", "name_conflict")
    'c3 ran on both m1 and m2: the older one, on m1, stays, and the one on m2 has ended'
    """
    old, new = (name.removesuffix("@127.0.0.1") for name in (old, new))
    if reason == "name_conflict":
        return f"{child} ran on both {new} and {old}: the older one, on {new}, stays, and the one on {old} has ended"
    return story(
        f"{child} moved from {old} to {new}: {gone(old, reason)}", "" if down is None else f"down for {elapsed(down)}"
    )


def gone(old: str, reason: str) -> str:
    """Return why a child no longer runs on a member: `m2 was lost (silent for too long)`."""
    return GONE.get(reason, "{old} is gone").format(old=old.removesuffix("@127.0.0.1"))


def node_changed(node: str, *, up: bool, why: str = "") -> str:
    """Return the sentence about a node that came up or went down.

    >>> node_changed("shop@127.0.0.1", up=False, why="it was closed")
    'node shop@127.0.0.1 is down: it was closed'
    """
    return f"node {node} is {'up' if up else 'down'}{f': {why}' if why else ''}"


# Parts


def listed(names: Sequence[str], last: str = "and", more: int = 0) -> str:
    """Return names as a part of a sentence; names beyond ten and the `more` omitted ones are counted.

    >>> listed(["mailer", "cart"], "then"), listed(["a"]), listed(["a", "b", "c"]), listed(["a"], more=4)
    ('mailer, then cart', 'a', 'a, b and c', 'a and 4 more')
    """
    more += max(0, len(names) - NAMED)
    if more:
        return f"{', '.join(names[:NAMED])} and {more:,} more"
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])}{', ' if last == 'then' else ' '}{last} {names[-1]}"


def _exceeded(allowed: Any, window: Any) -> str:
    """Return the clause about a restart limit that was exceeded."""
    if not allowed:
        return "it allows no restarts"
    time = f" in {duration(window)}" if type(window) in (int, float) else ""
    restarts = f"{allowed:,} restart{'' if allowed == 1 else 's'}"
    return f"max_restarts={allowed} allows {restarts}{time}, and a {ordinal(int(allowed) + 1)} was needed"


def _within(window: Any) -> str:
    return f" within {duration(window)}" if type(window) in (int, float) else ""


def _by(by: str, strategy: str | None) -> str:
    return f"{by} ({strategy})" if strategy else by


# Logging: a handler that fails must not end a scheduler.


logger: logging.Logger = logging.getLogger("otp")


def say(level: int, text: str, *args: Any, exc_info: BaseException | None = None) -> None:
    """Log on the logger `otp`; errors of a handler or filter go to standard error."""
    if not logger.isEnabledFor(level):
        return
    try:
        logger.log(level, text, *args, exc_info=exc_info, stacklevel=2)
    except Exception:
        _complain()


def is_taken(log: logging.Logger, level: int) -> bool:
    """Return whether a record of this level would be handled; checked before a long one is built."""
    if not log.isEnabledFor(level):
        return False
    if log.filters:  # a filter may want to see it
        return True
    found = False
    place: logging.Logger | None = log
    while place is not None:
        for handler in place.handlers:
            if handler.level <= level and type(handler) is not logging.NullHandler:
                return True
            found = True
        if not place.propagate:
            break
        place = place.parent
    return not found and logging.lastResort is not None and logging.lastResort.level <= level


def tell(
    log: logging.Logger,
    level: int,
    text: str,
    fields: Mapping[str, Any],
    error: BaseException | None = None,
    error_text: str | None = None,
) -> None:
    """Log one record with `fields` as attributes; `error_text` is the traceback of `error` to show."""
    try:
        info = None if error is None else (type(error), error, error.__traceback__)
        file, line = _place(fields)
        record = log.makeRecord(log.name, level, file, line, text, (), info, "report", fields)
        record.exc_text = error_text
        log.handle(record)
    except Exception:
        _complain()


def _place(fields: Mapping[str, Any]) -> tuple[str, int]:
    """Return the origin of a record: the user's line that raised, else the runtime's own."""
    stack = fields.get("otp_stack")
    if stack:
        return stack[-1]["file"], stack[-1]["line"]
    teller = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    return teller.f_code.co_filename, teller.f_lineno


def _complain() -> None:
    write_line(sys.stderr, traceback.format_exc())
