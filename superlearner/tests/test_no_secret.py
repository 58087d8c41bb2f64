"""Secrets stay out of everything that a reader gets: each answer, the feed, the events, the log."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

import otp
from asked_sandboxes import OWNER
from otp import GenServer, NoReply, Ok, Supervisor, impl
from superlearner.app.running import Tree
from superlearner.control.steer import resolve
from superlearner.control.terms import plain_pid

SECRET: Final = "hunter2"
URL: Final = f"postgres://ada:{SECRET}@db/shop"


class Client:
    def __init__(self, user: str, *, token: str) -> None:
        self.user = user
        self.token = token


class Vault(GenServer[Any]):
    """A server with a secret in its state, arguments and dictionary, which crashes at lines that contain one."""

    @impl
    def init(self, arg: Any) -> Ok[Any]:
        otp.put("api_key", SECRET)
        return Ok({"client": Client("ada", token=SECRET), "url": URL, **arg})

    @impl
    def handle_cast(self, request: Any, state: Any) -> NoReply[Any]:
        match request[0]:
            case "assigned":
                password: str = "hunter2"[request[1]]
            case "argument":
                password = str(Client("ada", token="hunter2").missing)  # type: ignore[attr-defined]
            case "url":
                password = str(int("postgres://ada:hunter2@db/shop"))
            case "logged":
                logging.getLogger("shop").error("signed in with password=%s at %s", SECRET, URL)
                return NoReply(state)
            case _:
                raise ValueError(f"no such request, password={SECRET}", {"password": SECRET}, URL)
        return NoReply(password)

    @impl
    def handle_info(self, message: Any, state: Any) -> NoReply[Any]:
        return NoReply(state)


TREE: Final = Tree(
    "sup",
    lambda: Supervisor.start_link_children(
        [Vault.child_spec({"password": SECRET}, id="vault", name="vault")], name="sup", max_restarts=50
    ),
)
PLACES: Final = {
    "pid": "vault", "name": "sup", "supervisor": "sup", "child": "vault", "key": "password", "module": __name__,
    "item": "dictionary",
}  # fmt: skip


async def crash(platform: Any, request: str) -> str:
    """Crash the server in this branch; return the explanation of its end, with the source line."""
    pid = resolve(platform.node, "vault")
    GenServer.cast(pid, (request, 99, {"password": SECRET}, URL))
    if request == "logged":
        return ""
    await otp.wait_down(pid, timeout=5)
    await Supervisor.count_children(("sup", platform.node))
    return (await platform.client.get(f"/api/v1/processes/{plain_pid(pid)}/errors/why")).text


def routes(platform: Any) -> list[str]:
    """Return the path of every operation that only reads and needs only names that exist."""
    found: list[str] = []
    for operation in platform.platform.arsenal:
        method, path = operation.method, operation.path
        if method == "GET" and operation.name != "events.stream":
            filled = path.replace(":path}", "}")
            for name, value in PLACES.items():
                filled = filled.replace(f"{{{name}}}", value)
            if "{" not in filled:
                found.append(filled)
    return found


def hidden(where: str, text: str) -> None:
    at = text.find(SECRET)
    assert at < 0, f"{where}: …{text[max(0, at - 200) : at + 50]}…"


def test_no_answer_entry_or_line_has_a_secret(
    inside: Callable[..., Any], caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", f"authorization={SECRET}")

    async def test(platform: Any) -> None:
        running = platform.platform
        for request in ("assigned", "argument", "url", "text", "logged"):
            explained = await crash(platform, request)
            hidden(request, explained)
            assert ("***" in explained) == (request != "logged")
        old = resolve(platform.node, "vault")
        otp.exit(old, ("boom", {"token": SECRET}, f"password={SECRET}"))
        await otp.wait_down(old, timeout=5)
        await Supervisor.count_children(("sup", platform.node))
        otp.send(resolve(platform.node, "vault"), {"cookie": SECRET, "to": URL})
        await Supervisor.count_children(("sup", platform.node))
        configuration = running.configuration
        configuration.make(configuration.plan_set({"otel_endpoint": f"http://ada:{SECRET}@collector"}, "the API"))
        platform.hub.note("bad", f"cannot reach {URL}")
        post = partial(platform.client.post, headers=OWNER)
        assert (await post("/api/v1/processes/vault/trace", json={})).status_code == 200
        assert (await post("/api/v1/processes/vault/suspend", json={})).status_code == 200
        body = {"message": ["login", {"password": SECRET, "to": URL}], "message_type": "cast"}
        assert (await post("/api/v1/processes/vault/message", json=body)).status_code == 200
        platform.hub.flush()

        asked = routes(platform)
        answers: dict[str, int] = {}
        for path in asked:
            answer = await platform.client.get(f"/api/v1{path}", headers=OWNER)
            answers[path] = answer.status_code
            hidden(path, answer.text)
        assert sum(code == 200 for code in answers.values()) > 60
        for path in ("errors/why", "errors", "state", "state/tree", "mailbox", "dictionary", "source", "messages"):
            assert (path, answers[f"/processes/vault/{path}"]) == (path, 200)
        events = await platform.client.get(
            "/api/v1/events?last=1000&timeout_ms=1", headers={**OWNER, "accept": "application/json"}
        )
        hidden("events", events.text)
        hidden("feed", json.dumps([str(entry) for entry in platform.hub.feed.entries()]))
        for record in caplog.records:
            hidden("log", f"{record.getMessage()} {record.exc_text or ''}")

    caplog.set_level("INFO", "otp")
    inside(test, TREE, data_dir=tmp_path)
