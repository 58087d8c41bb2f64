"""Detectors of long mailboxes: those that grow, and those that stand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from otp import sentences
from superlearner.base.commands import command
from superlearner.observing.monitoring.facts import AnomalyFinding, Incident, NodeFacts, Track
from superlearner.observing.monitoring.growth import latest_lowest, latest_rise, pace_text, sample_lines, slope
from superlearner.settings.settings import Settings

__all__ = ["FLOOD", "mailbox_backlog", "mailbox_growth"]

LEAST_SAMPLES: Final = 6
LEAST_POINTS: Final = 9
FLOOD: Final = 100
"""Multiple of the limit from which a mailbox is critical."""
ADVICE: Final = (
    "let senders call instead of cast, so that they wait, or share the work among several processes "
    "(PartitionSupervisor)"
)


def mailbox_growth(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find mailboxes that grow over many samples; long ones that drain are fine.

    Hung processes are skipped: the finding about the hang has the number of their messages.
    """
    hung = _hung(facts, limits)
    for track in facts.tracks:
        samples = _growth(track, limits)
        if not samples or track.pid in hung:
            continue
        samples = samples[latest_lowest(samples) :]
        name, length, first = track.name or track.pid, samples[-1][1], samples[0]
        highest = max(range(len(samples)), key=lambda place: samples[place][1])
        grew = samples[: highest + 1]
        rate, stood = slope(grew), samples[-1][0] - grew[-1][0]
        grown = f"from {first[1]:,} to {grew[-1][1]:,} messages in {sentences.elapsed(round(grew[-1][0] - first[0]))}"
        words = f"the mailbox of {name} has grown {grown}, {pace_text(rate)} more than it handles"
        if len(samples) - len(grew) > 1:  # one lower sample may be noise
            words = f"the mailbox of {name} grew {grown}, and has not grown for {sentences.elapsed(round(stood))}"
        yield AnomalyFinding(
            type="mailbox_growth",
            severity="critical" if length >= FLOOD * limits.anomaly_mailbox else "high",
            pid=track.pid,
            name=track.name,
            description=words,
            since=round(first[0], 3),
            evidence={
                "messages_per_s": round(rate, 2),
                "message_queue_len": length,
                "what": track.what,
                "samples": sample_lines(samples),
            },
            threshold=limits.anomaly_mailbox_growth,
            setting="anomaly_mailbox_growth",
            size=grew[-1][1] - first[1],
            hint=_describe_flood(track, facts),
            past_hint=ADVICE,
            incident=Incident(f"the mailbox of {name} grew {grown}", first[0]),
        )


def mailbox_backlog(facts: NodeFacts, limits: Settings) -> Iterator[AnomalyFinding]:
    """Find mailboxes that do not grow, but need a long time to be handled; a hang and a deadlock say why themselves."""
    hung = _hung(facts, limits)
    for track in facts.tracks:
        recent = list(track.samples)[-LEAST_SAMPLES:]
        if len(recent) < LEAST_SAMPLES or min(length for _, length in recent) < limits.anomaly_mailbox:
            continue
        if track.handled_per_s is None or track.pid in hung or _growth(track, limits):
            continue
        name, length, rate = track.name or track.pid, recent[-1][1], track.handled_per_s
        seconds = length / rate if rate else facts.now - track.handled_at
        if seconds < limits.anomaly_mailbox_wait:
            continue
        time = sentences.elapsed(round(seconds))
        pace = f"about {time} at {pace_text(rate)}" if rate else f"none handled for {time}"
        allowed = sentences.elapsed(limits.anomaly_mailbox_wait)
        yield AnomalyFinding(
            type="mailbox_backlog",
            severity="high" if not rate or seconds >= 10 * limits.anomaly_mailbox_wait else "medium",
            pid=track.pid,
            name=track.name,
            description=f"{name}: {length:,} messages wait, {pace}",
            since=round(_long_since(track, limits.anomaly_mailbox), 3),
            evidence={
                "message_queue_len": length,
                "handled_per_s": round(rate, 2),
                "wait_s": round(seconds, 1),
                "what": track.what,
                "samples": sample_lines(track.samples),
            },
            threshold=limits.anomaly_mailbox_wait,
            setting="anomaly_mailbox_wait",
            size=length,
            past=f"{length:,} messages waited for {name}, {f'work for {pace}' if rate else pace}",
            hint=_describe_flood(track, facts),
            past_hint=ADVICE,
            incident=Incident(f"messages waited for {name}", then=f", more than it handles in {allowed}"),
        )


def _hung(facts: NodeFacts, limits: Settings) -> set[str]:
    """Return the processes whose hang or deadlock is a finding of its own."""
    hung = {one.pid for one in facts.callbacks if one.seconds(facts.now) >= limits.anomaly_callback}
    return hung | {one.pid for circle in facts.cycles for one in circle}


def _long_since(track: Track, allowed: float) -> float:
    """Return the time of the first sample since when a mailbox has been longer than allowed."""
    since = track.samples[-1][0]
    for at, length in reversed(track.samples):
        if length < allowed:
            break
        since = at
    return since


def _growth(track: Track, limits: Settings) -> Sequence[tuple[float, int]]:
    """Return the samples in which a mailbox grows faster than allowed; none if it does not."""
    if len(track.samples) < LEAST_SAMPLES or track.samples[-1][1] < limits.anomaly_mailbox:
        return ()
    samples = latest_rise(list(track.samples), LEAST_POINTS)
    return samples if samples and slope(samples) >= limits.anomaly_mailbox_growth else ()


def _describe_flood(track: Track, facts: NodeFacts) -> str:
    """Return what to do about a long mailbox."""
    return f"`{command('mailbox.patterns', track.pid, node=facts.called)}` shows what floods it; {ADVICE}"
