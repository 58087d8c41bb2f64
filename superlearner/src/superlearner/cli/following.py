"""Streaming operations at the terminal: a line per event until Ctrl-C.

A broken connection is opened again with the id of the last event, so nothing is missing or repeated after a restart of
the platform's web server; if events are lost all the same, a line gives their number. If the node ends that the events
are of, and may come back by itself, as an attached service does, a line says so, and the stream goes on with its next
run.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from otp.standard_streams import raise_broken_pipe
from superlearner.base.terminal import complain, print_line
from superlearner.cli.asking import RequestRefused, connection_to, headers_for, refusal_of, target_of
from superlearner.cli.door import failed
from superlearner.cli.ends import NO_PLATFORM, fail
from superlearner.cli.finding import START, FoundPlatform, PlatformNotFound
from superlearner.cli.plain import clip, paragraph, plain

__all__ = ["follow"]

SILENCE_S: Final = 30.0
"""Seconds; the platform sends something at least every ten seconds."""

PAUSES_S: Final = (0.1, 0.2, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0)
LONGEST: Final = 1000
NEARLY_MS: Final = 50

MAY_RETURN: Final = frozenset({"node_unavailable", "timeout"})
"""The codes of errors about a node that does not answer now; one that will not come back has another code."""
AGAIN_S: Final = 0.5
"""Seconds between two requests to a node that may return."""
EXPLAINED: Final = 3
"""The number of the refusal that gives the reason: that of an end is known a second after it."""
SAME_S: Final = 0.001
"""Seconds by which the times of one event differ, as two attachments tell them."""


def follow(
    platform: FoundPlatform, entry: Mapping[str, Any], values: Mapping[str, Any], *, node: str | None, as_json: bool
) -> None:
    """Write a line per event, as JSON with `as_json`, until Ctrl-C, the limit, or its reader leaves (`| head`)."""
    raise_broken_pipe()
    try:
        for line in _lines(platform, entry, dict(values), node, as_json=as_json):
            print_line(line)
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    except RequestRefused as error:
        failed(error, platform)
    except PlatformNotFound as error:
        fail(paragraph(str(error)), NO_PLATFORM)


@dataclass(slots=True)
class FollowPosition:
    """The id to continue from, the number of failed tries in a row, and what is known of a node that does not answer.

    Attributes:
        latest: the time of the latest event so far; that of the start if there was none.
        seen: what `latest` was when the node was lost last: its memory has these events again if it has run on.
        refused: the number of refusals since then.
        why: what they say.
    """

    latest: float
    id: str | None = None
    tried: int = 0
    seen: float | None = None
    refused: int = 0
    why: str = ""

    def repeats(self, event: Mapping[str, Any]) -> bool:
        """Return whether an event was there before its node was lost; note the time of others."""
        if event["type"] == "gap":
            return False
        if self.seen is not None and event["at"] <= self.seen + SAME_S:
            return True
        self.latest = max(self.latest, event["at"])
        return False

    def note_refusal(self, error: RequestRefused) -> None:
        """Note that the node does not answer, and say so once the reason is known."""
        self.tried, self.refused, self.why = 0, self.refused + 1, str(error)
        self.seen = self.latest
        if self.refused == EXPLAINED:
            self.say_why()

    def note_answer(self) -> None:
        """Note that the node answers; if it was back before the reason was known, say that it had been lost."""
        if 0 < self.refused < EXPLAINED:
            self.say_why()
        self.refused = 0

    def say_why(self) -> None:
        """Print why the node does not answer."""
        complain(f"{clip(paragraph(self.why), LONGEST)}; the stream goes on when it returns")


def _lines(
    platform: FoundPlatform, entry: Mapping[str, Any], values: dict[str, Any], node: str | None, *, as_json: bool
) -> Iterator[str]:
    place = FollowPosition(time.time())
    seconds = values.get("timeout_ms")
    until = None if seconds is None else time.monotonic() + seconds / 1000
    while values.get("limit") != 0:
        if until is not None:
            values["timeout_ms"] = round((until - time.monotonic()) * 1000)
            if values["timeout_ms"] < NEARLY_MS:
                return
        broken: Exception | None = None
        try:
            for data in _events(platform, target_of(entry, values, node=node)[0], place):
                event = json.loads(data)
                if place.repeats(event):
                    continue
                if "limit" in values:
                    values["limit"] -= 1
                yield _as_json(data) if as_json else _as_text(event)
        except RequestRefused as error:
            if place.id is None or error.code not in MAY_RETURN:
                raise
            _await_return(place, error)
            continue
        except (OSError, http.client.HTTPException) as error:
            broken = error
        if values.get("limit") != 0 and (until is None or until > time.monotonic()):
            _try_again(platform, place, broken)  # its web server restarts, or it has ended


def _events(platform: FoundPlatform, target: str, place: FollowPosition) -> Iterator[str]:
    """Yield the data of the events of one connection."""
    connection = connection_to(platform, SILENCE_S)
    headers = headers_for(platform, "text/event-stream")
    if place.id is not None:
        headers["last-event-id"] = place.id
    try:
        connection.request("GET", urlsplit(platform.url).path + target, headers=headers)
        response = connection.getresponse()
        if response.status != 200:
            try:
                answer = json.loads(response.read())
            except ValueError:
                answer = None
            raise refusal_of(platform, answer)
        place.note_answer()
        data: str | None = None
        for raw in response:
            field, _, value = raw.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
            if field == "id":
                place.id = value
                place.tried = 0
            elif field == "data":
                data = value
            elif field == "" and data is not None:
                yield data
                data = None
    finally:
        connection.close()


def _await_return(place: FollowPosition, error: RequestRefused) -> None:
    """Wait before the next request to a node that may return."""
    place.note_refusal(error)
    time.sleep(AGAIN_S)


def _try_again(platform: FoundPlatform, place: FollowPosition, error: Exception | None) -> None:
    """Wait before the next try; end the command after too many failures."""
    if place.id is None or place.tried >= len(PAUSES_S):
        why = "it ended the stream" if error is None else str(error) or type(error).__name__
        raise PlatformNotFound(f"no platform answers at {platform.url} ({why}); {START}")
    if place.tried == 1:
        complain(f"{platform.url} does not answer; trying again")
    time.sleep(PAUSES_S[place.tried])
    place.tried += 1


def _as_text(event: dict[str, Any]) -> str:
    at = datetime.fromtimestamp(event["at"]).astimezone()
    return f"{at:%H:%M:%S}.{at.microsecond // 1000:03d}  {event['type']:<16}  {clip(plain(event['text']), LONGEST)}"


def _as_json(data: str) -> str:
    return data if data.isprintable() else json.dumps(json.loads(data))
