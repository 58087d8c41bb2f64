"""A class at a platform: learners who work in sandboxes of their own, and one who attacks everybody.

Everything goes over HTTP, as from browsers: one-time links, sessions, a connection for each request.
"""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from superlearner.operations import PREFIX
from superlearner.operations.declaration import THINGS, Operation
from superlearner.operations.engine.examples import example_of
from superlearner.operations.engine.registry import all_operations

__all__ = ["Answer", "Attempt", "Client", "attempts", "play", "seat"]

DEMO: Final = "demo_one_for_one"
VICTIM: Final = "counter_1"
"""A process of the demo."""
TIMEOUT_S: Final = 60


@dataclass(frozen=True)
class Answer:
    """The answer to a request: status, error code and message, or the data."""

    status: int
    code: str
    message: str
    data: Any
    headers: dict[str, str]


class Client:
    """A user; `headers` hold the credential. Several threads may use it."""

    def __init__(self, address: str, name: str, **headers: str) -> None:
        self.address, self.name, self.headers = urlsplit(address).netloc, name, headers

    @property
    def node(self) -> str:
        """The node of the learner's sandbox."""
        return f"sandbox-{self.name}@127.0.0.1"

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Make a request to a path of the API, or another one that begins with `//`."""
        headers = self.headers | ({} if body is None else {"content-type": "application/json"})
        content = None if body is None else json.dumps(body)
        connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT_S)
        try:
            connection.request(method, path[1:] if path.startswith("//") else PREFIX + path, content, headers)
            response = connection.getresponse()
            kind = response.headers.get_content_type()
            text = b"" if kind == "text/event-stream" else response.read()
        finally:
            connection.close()
        found = json.loads(text) if kind == "application/json" and text else {}
        error = found.get("error") or {"code": "", "message": ""}
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, error["code"], error["message"], found.get("data"), headers)

    def data(self, method: str, path: str, body: Any = None) -> Any:
        """Return the data of a successful answer. Raises RuntimeError: it failed."""
        answer = self.ask(method, path, body)
        if answer.status != 200:
            raise RuntimeError(
                f"{self.name}: {method} {path}: expected 200, got {answer.status} {answer.code}: {answer.message}"
            )
        return answer.data


def seat(teacher: Client, address: str, name: str) -> Client:
    """Add a learner, and sign them in by a one-time link."""
    teacher.data("POST", "/users", {"name": name, "role": "learner"})
    link = urlsplit(teacher.data("POST", f"/users/{name}/link", {})["url"]).path
    browser = Client(address, name)
    browser.headers["sec-fetch-site"] = "same-origin"
    signed_in = browser.ask("POST", f"/{link}")
    if signed_in.status != 303:
        raise RuntimeError(f"{name}: expected to be signed in, got {signed_in}")
    browser.headers["cookie"] = signed_in.headers["set-cookie"].partition(";")[0]
    return browser


def play(learner: Client) -> None:
    """Start a sandbox, record it, kill a process of it, which its supervisor restarts, and end the recording."""
    made = learner.data("POST", "/sandboxes", {"sandbox_id": learner.name, "demo": DEMO})
    learner.data("POST", f"/recordings?node={learner.node}", {"name": learner.name})
    before = _pid(learner)
    learner.data("DELETE", f"/processes/{VICTIM}?node={learner.node}", {"reason": "kill"})
    restarted = learner.data("GET", f"/supervisors/{made['supervisor_pid']}/analytics?sync=true&node={learner.node}")
    if (restarted["restarts_by_child"], _pid(learner) == before) != ({VICTIM: 1}, False):
        raise RuntimeError(f"{learner.name}: expected one restart, got {restarted}")
    if not learner.data("POST", f"/recordings/{learner.name}/stop", {})["events"]:
        raise RuntimeError(f"{learner.name}: the recording is empty")


def _pid(learner: Client) -> str:
    return learner.data("GET", f"/processes/{VICTIM}/info?node={learner.node}")["pid"]


@dataclass(frozen=True)
class Attempt:
    """A request of the attacker."""

    operation: Operation
    method: str
    path: str
    body: Any

    def __str__(self) -> str:
        return f"{self.operation.name}: {self.method} {self.path} {self.body}"


def attempts(victim: Client, home: str) -> Iterator[Attempt]:
    """Yield a request for each operation at what belongs to another learner, and to the platform.

    Those with the parameter `force` come without and with it. Operations that everybody may use are left out.

    Args:
        victim: the other learner, whose sandbox and recording have their name.
        home: the node of the platform.
    """
    for operation in all_operations():
        everyone = operation.of == "everyone"
        if operation.of in ("user", "events") or (everyone and not operation.on_node):
            continue
        given = example_of(operation)
        names = {one.name for one in operation.parameters}
        if operation.of in THINGS:
            given[THINGS[operation.of]] = victim.name
        nodes = (None,) if not operation.on_node else (victim.node,) if everyone else (victim.node, home)
        for node in nodes:
            yield _attempt(operation, given, node)
            if "force" in names:
                yield _attempt(operation, {**given, "force": True}, node)


def _attempt(operation: Operation, given: dict[str, Any], node: str | None) -> Attempt:
    rest = dict(given)
    fill: Callable[[re.Match[str]], str] = lambda found: str(rest.pop(found[1]))
    path = re.sub(r"\{(\w+)(?::path)?\}", fill, operation.path)
    places = {one.name: one.place for one in operation.parameters}
    query = {name: rest.pop(name) for name in list(rest) if places[name] == "query"}
    query |= {} if node is None else {"node": node}
    words = {name: str(value).lower() if isinstance(value, bool) else value for name, value in query.items()}
    asked = f"{path}?{urlencode(words, doseq=True)}" if words else path
    return Attempt(operation, operation.method, asked, rest if operation.method != "GET" and rest else None)
