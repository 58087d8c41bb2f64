"""Sentences about events: the text of a log, page or command about starts, ends and restarts.

Facts become text first (`process_text`, `reason_text`), then a sentence (`ended`, `restarted`, `gave_up`, …). The
log of `otp` and all readers of the platform use these functions, so that the same event reads the same everywhere.

>>> from otp import sentences
>>> end = sentences.ended(sentences.process_text("ledger", "<0.5.0>"), sentences.reason_text("killed"), failed=True)
>>> sentences.story(end, sentences.restarted("shop_sup", "ledger <0.9.0>", used=1, allowed=3, window=5))
'ledger <0.5.0> was killed; shop_sup restarted ledger <0.9.0>; 2 of 3 restarts left in 5 s'

None of these functions runs code of a reason or name, and secrets in them are redacted (`otp.redaction`).
"""

from __future__ import annotations

from otp.kernel.ends.wording import (
    RESULTS_OF,
    clip,
    dest_text,
    name_callback,
    name_text,
    process_name,
    process_text,
    reason_text,
    safe_text,
    split_advice,
    tagged,
    unanswered,
)
from otp.kernel.values.bounded import close_quote
from otp.kernel.values.numbers import duration, elapsed, times_text
from otp.kernel.values.sentences import (
    abandoned_cleanup,
    at_place,
    budget,
    could_not_restart,
    could_not_start,
    ended,
    ended_with,
    flags_changed,
    gave_up,
    gone,
    handling,
    held,
    last_straw,
    listed,
    moved,
    no_restart_left,
    node_changed,
    not_restarted,
    place_text,
    registered,
    restarted,
    restarted_on_request,
    restarts_after,
    resumed,
    setting_changed,
    started,
    stop_failed,
    stopped,
    stopped_on_request,
    story,
    suspended,
    tried,
    unregistered,
)

__all__ = [
    "RESULTS_OF",
    "abandoned_cleanup",
    "at_place",
    "budget",
    "clip",
    "close_quote",
    "could_not_restart",
    "could_not_start",
    "dest_text",
    "duration",
    "elapsed",
    "ended",
    "ended_with",
    "flags_changed",
    "gave_up",
    "gone",
    "handling",
    "held",
    "last_straw",
    "listed",
    "moved",
    "name_callback",
    "name_text",
    "node_changed",
    "no_restart_left",
    "not_restarted",
    "place_text",
    "process_name",
    "process_text",
    "reason_text",
    "registered",
    "restarted",
    "restarted_on_request",
    "restarts_after",
    "resumed",
    "safe_text",
    "setting_changed",
    "split_advice",
    "started",
    "stop_failed",
    "stopped",
    "stopped_on_request",
    "story",
    "suspended",
    "tagged",
    "times_text",
    "tried",
    "unanswered",
    "unregistered",
]
