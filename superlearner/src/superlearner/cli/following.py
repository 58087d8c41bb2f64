"""Streaming operations at the terminal: a line per event until Ctrl-C.

A broken connection is opened again with the id of the last event, so nothing is missing or repeated after a restart of
the platform's web server; if events are lost all the same, a line gives their number.
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
    """The id to continue from, and the number of failed tries in a row."""

    id: str | None = None
    tried: int = 0


def _lines(
    platform: FoundPlatform, entry: Mapping[str, Any], values: dict[str, Any], node: str | None, *, as_json: bool
) -> Iterator[str]:
    place = FollowPosition()
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
                if "limit" in values:
                    values["limit"] -= 1
                yield _as_json(data) if as_json else _as_text(json.loads(data))
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
