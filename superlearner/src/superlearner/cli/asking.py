"""Operations over HTTP: requests, answers and errors."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

from superlearner.base.shortage import cause_text
from superlearner.base.terminal import show_wait_line
from superlearner.cli.finding import START, FoundPlatform, PlatformNotFound
from superlearner.operations import PREFIX

__all__ = ["PlatformAnswer", "RequestRefused", "ask", "request"]

WAIT_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class PlatformAnswer:
    """An operation's answer; `meta` has the page number of a list, and sentences about other nodes."""

    data: Any
    meta: dict[str, Any] | None = None


class RequestRefused(Exception):
    """The platform refused the operation.

    Attributes:
        code: the stable name of the error.
        hints: suggested remedies.
    """

    def __init__(self, code: str, message: str, hints: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.hints = hints


def ask(
    platform: FoundPlatform,
    entry: Mapping[str, Any],
    values: Mapping[str, Any],
    *,
    dry_run: bool = False,
    node: str | None = None,
) -> PlatformAnswer:
    """Run an operation of the manifest on the platform.

    Args:
        platform: the platform.
        entry: the operation, as the manifest describes it.
        values: its parameters by name, without omitted ones.
        dry_run: only say what would be done.
        node: the name of the node; None for the platform's default.

    Raises:
        Refused: the platform refused the operation.
        NotFound: no platform answers there.
    """
    target, body = target_of(entry, values, dry_run=dry_run, node=node)
    waits = values.get("timeout_ms")
    seconds = WAIT_S + (waits / 1000 if isinstance(waits, int) else 0)
    answer = request(platform, entry["method"], target, body or None, seconds, node)
    if entry["bare"]:
        return PlatformAnswer(answer)
    if not isinstance(answer, dict) or "data" not in answer:
        raise _is_none(platform)
    return PlatformAnswer(answer["data"], answer.get("meta"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]


def target_of(
    entry: Mapping[str, Any], values: Mapping[str, Any], *, dry_run: bool = False, node: str | None = None
) -> tuple[str, dict[str, Any]]:
    """Return path with query, and body, of a request; arguments as for :func:`ask`."""
    path: str = entry["path"]
    query: dict[str, Any] = {"dry_run": "true"} if dry_run else {}
    if node is not None:
        query["node"] = node
    body: dict[str, Any] = {}
    for one in entry["parameters"]:
        name: str = one["name"]
        if name not in values:
            continue
        if one["place"] == "path":
            path = path.replace(f"{{{name}}}", quote(str(values[name]), safe="", errors="surrogateescape"))
        elif one["place"] == "query":
            query[name] = _in_query(values[name])
        else:
            body[name] = values[name]
    return f"{PREFIX}{path}" + (f"?{urlencode(query, doseq=True, errors='surrogateescape')}" if query else ""), body


def connection_to(platform: FoundPlatform, seconds: float) -> http.client.HTTPConnection:
    """Return an unopened connection. Raises `PlatformNotFound` for an unreadable certificate."""
    parts = urlsplit(platform.url)
    host, port = parts.hostname or "", parts.port
    if parts.scheme != "https":
        return http.client.HTTPConnection(host, port, timeout=seconds)
    from superlearner.base.tls import TlsError, client_context

    try:
        context = client_context(platform.certificate)
    except TlsError as error:
        raise PlatformNotFound(str(error)) from None
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)


def headers_for(platform: FoundPlatform, accept: str) -> dict[str, str]:
    """Return the headers of every request, which identify the client."""
    headers = {"accept": accept, "x-door": platform.door}
    if platform.token is not None:
        headers["authorization"] = f"Bearer {platform.token}"
    return headers


def request(
    platform: FoundPlatform,
    method: str,
    target: str,
    body: Any = None,
    seconds: float = WAIT_S,
    node: str | None = None,
) -> Any:
    """Return the JSON answer; `node` is the one that the request is about. Raises as :func:`ask`."""
    connection = connection_to(platform, seconds)
    headers = headers_for(platform, "application/json")
    content = None
    if body is not None:
        content = json.dumps(body).encode()
        headers["content-type"] = "application/json"
    try:
        awaited = platform.url if node is None else f"{node}, asked by {platform.url}"
        with show_wait_line(f"waiting for {awaited}", always=node is not None):
            connection.request(method, urlsplit(platform.url).path + target, content, headers)
            response = connection.getresponse()
            text = response.read()
    except TimeoutError:
        raise RequestRefused("timeout", f"{platform.url} did not answer within {seconds:g} s") from None
    except ssl.SSLCertVerificationError as error:
        why = f"its certificate is not trusted: {error.verify_message}"
        hint = "name its authority with --cacert FILE"
        raise PlatformNotFound(f"{platform.url} was not contacted: {why}; {hint}") from None
    except (OSError, http.client.HTTPException) as error:
        why = cause_text(error)
        raise PlatformNotFound(f"no platform answers at {platform.url} ({why}); {START}") from None
    finally:
        connection.close()
    if response.status == 200 and (response.getheader("content-type") or "").startswith("text/csv"):
        return {"data": text.decode("utf-8-sig").replace("\r\n", "\n")}
    try:
        answer = json.loads(text)
    except ValueError:
        raise _is_none(platform) from None
    if response.status >= 400:
        raise refusal_of(platform, answer)
    return answer


def refusal_of(platform: FoundPlatform, answer: Any) -> Exception:
    """Return the exception for an error answer."""
    try:
        error = answer["error"]
        code, message, details = str(error["code"]), str(error["message"]), list(error["details"])
    except (TypeError, KeyError):
        return _is_none(platform)
    hints = [str(one["hint"]) for one in details if isinstance(one, dict) and one.get("hint")]  # pyright: ignore[reportUnknownArgumentType, reportUnknownMemberType]
    if code == "unauthorized" and platform.token is None:
        hints = ["no token was found: use the data directory of that platform (--data-dir), or set SUPERLEARNER_TOKEN"]
    elif code == "unauthorized":
        hints = ["the token that was found is not its: use its data directory (--data-dir), or set SUPERLEARNER_TOKEN"]
    return RequestRefused(code, message, tuple(hints))


def _is_none(platform: FoundPlatform) -> PlatformNotFound:
    return PlatformNotFound(f"the server at {platform.url} is not a SuperLearner platform; {START}")


def _in_query(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return [str(item) for item in value]  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return json.dumps(value) if isinstance(value, dict) else str(value)
