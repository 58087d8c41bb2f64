"""Permissions for sandboxes, and machines where none may run."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import otp
from asked_sandboxes import NODE, SOURCE, ask, create
from superlearner.sandbox import SandboxManager
from superlearner.sandbox.happenings import Destroy
from superlearner.sandbox.template import template, templates

Inside = Callable[..., Any]
DOCS = Path(__file__).resolve().parents[4] / "docs"


@pytest.mark.operation("sandbox.create", "sandbox.source", "sandbox.destroy")
def test_user_code_requires_the_scope_code_and_built_in_code_does_not(inside: Inside) -> None:
    async def look(platform: Any) -> None:
        async def anonymous(method: str, path: str, body: Any = None) -> tuple[int, Any]:
            answer = await platform.client.request(method, f"/api/v1{path}", json=body)
            return answer.status_code, answer.json()

        status, refused = await anonymous("POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE})
        assert (403, "missing_scope") == (status, refused["error"]["code"])
        status, made = await anonymous("POST", "/sandboxes", {"sandbox_id": "a", "demo": "demo_one_for_one"})
        assert (200, "anonymous") == (status, made["data"]["owner"])
        assert 403 == (await anonymous("POST", "/sandboxes/a/hot-reload", {"source": SOURCE}))[0]
        assert 403 == (await anonymous("POST", "/sandboxes/a/restart", {"source": SOURCE}))[0]
        assert 200 == (await anonymous("DELETE", "/sandboxes/a"))[0]
        for given in ({"template": "counter", "source": SOURCE}, {"template": "../conftest"}, {"template": "nothing"}):
            assert 422 == (await anonymous("POST", "/sandboxes", {"sandbox_id": "b", **given}))[0]
        status, made = await anonymous("POST", "/sandboxes", {"sandbox_id": "b", "template": "counter"})
        assert (200, "anonymous") == (status, made["data"]["owner"])
        assert ("template", "A counter that can crash") == (
            made["data"]["configuration"]["origin"],
            made["data"]["configuration"]["title"],
        )
        status, shown = await anonymous("GET", "/sandboxes/b/source")
        assert (200, template("counter").text) == (status, shown["data"]["source"])
        await ask(platform, "POST", "/sandboxes/b/hot-reload", {"source": template("counter").text + "\nSECRET = 1\n"})
        assert 403 == (await anonymous("GET", "/sandboxes/b/source"))[0]
        assert 200 == (await anonymous("GET", "/sandboxes/b/source?version=1"))[0]
        await create(platform, "c")
        assert 403 == (await anonymous("GET", "/sandboxes/c/source?version=1"))[0]

    inside(look)


@pytest.mark.operation("sandbox.create", "sandbox.destroy", "token.revoke")
def test_the_scope_own_gives_all_scopes_on_own_sandboxes_which_end_with_their_owner(
    inside: Inside, tmp_path: Path
) -> None:
    async def test(platform: Any) -> None:
        async def as_(user: str, method: str, path: str, body: Any = None) -> int:
            headers = {"authorization": f"Bearer {secrets[user]}"}
            answer = await platform.client.request(method, f"/api/v1{path}", json=body, headers=headers)
            return answer.status_code

        await platform.platform.store.sync()
        secrets: dict[str, str] = {}
        for user, scopes in (("ada", ["own"]), ("bob", ["read", "own"]), ("eve", ["own"])):
            made = await ask(platform, "POST", "/tokens", {"name": user, "scopes": scopes})
            secrets[user] = made["secret"]
        assert 200 == await as_("ada", "POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE})
        for look in ("", "/source", "/output", "/pid", "/versions", "/notices"):
            assert 200 == await as_("ada", "GET", f"/sandboxes/a{look}"), look
            assert 403 == await as_("eve", "GET", f"/sandboxes/a{look}"), look
        assert 200 == await as_("ada", "DELETE", f"/processes/counter?node={NODE}")
        assert 403 == await as_("bob", "GET", "/sandboxes/a/source")
        assert 403 == await as_("bob", "POST", "/sandboxes/a/restart")
        assert 403 == await as_("bob", "DELETE", "/sandboxes/a?force=true")
        assert 403 == await as_("bob", "DELETE", f"/processes/counter?node={NODE}")
        assert 200 == await as_("bob", "GET", "/sandboxes/a")
        assert 403 == await as_("ada", "POST", "/sandboxes", {"sandbox_id": "b", "file": "main.py"})
        runner = platform.platform.sandboxes.runners["a"]
        await ask(platform, "DELETE", "/tokens/ada")
        await otp.wait_down(runner)
        await SandboxManager.ask(Destroy(None, "nobody"), node=platform.node)  # it has been notified by now
        assert [] == await ask(platform, "GET", "/sandboxes")

    inside(test, data_dir=tmp_path)


@pytest.mark.operation("sandbox.create", "sandbox.restart", "process.kill")
def test_the_scopes_of_a_pupil_give_access_to_own_sandboxes_only(inside: Inside, tmp_path: Path) -> None:
    """Regression: docs/access.md let pupils kill the sandboxes of others."""
    section = DOCS.joinpath("access.md").read_text().partition("## A class of thirty")[2].partition("\n## ")[0]
    scopes = re.findall(r"--scopes (\w+)", section)

    async def test(platform: Any) -> None:
        async def as_(user: str, method: str, path: str, body: Any = None) -> int:
            headers = {"authorization": f"Bearer {secrets[user]}"}
            answer = await platform.client.request(method, f"/api/v1{path}", json=body, headers=headers)
            return answer.status_code

        await platform.platform.store.sync()
        secrets: dict[str, str] = {}
        for user in ("ada", "bob"):
            secrets[user] = (await ask(platform, "POST", "/tokens", {"name": user, "scopes": scopes}))["secret"]
        assert 200 == await as_("ada", "POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE})
        assert 200 == await as_("bob", "GET", "/supervisors")
        assert 403 == await as_("bob", "DELETE", "/processes/counter_1")
        assert 403 == await as_("bob", "DELETE", f"/processes/counter?node={NODE}")
        assert 403 == await as_("bob", "POST", "/sandboxes/a/restart")
        assert 200 == await as_("ada", "DELETE", f"/processes/counter?node={NODE}")

    inside(test, data_dir=tmp_path)
    assert ["read", "own"] == scopes


@pytest.mark.operation("sandbox.walls", "sandbox.templates", "sandbox.create")
def test_without_a_required_isolation_layer_nothing_runs_unless_allowed(
    inside: Inside, nodes_here: Any, tmp_path: Path
) -> None:
    async def look(platform: Any) -> None:
        launcher = nodes_here()
        launcher.walled = False
        platform.platform.sandboxes.launcher = launcher
        walls = await ask(platform, "GET", "/sandbox-walls")
        assert (0, 1, False, False) == (walls["up"], walls["of"], walls["untrusted"], walls["weak"])
        assert "missing: files" in walls["says"]
        refused = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "a", "source": SOURCE}, status=503)
        assert ("service_unavailable", "files (no landlock)") == (
            refused["code"],
            refused["message"].partition(": ")[2],
        )
        assert "--weak-walls" in refused["details"][0]["hint"]
        assert len(templates()) == len(await ask(platform, "GET", "/sandbox-templates"))

    async def weak(platform: Any) -> None:
        launcher = nodes_here()
        launcher.walled = False
        platform.platform.sandboxes.launcher = launcher
        assert (await ask(platform, "GET", "/sandbox-walls"))["weak"]
        assert "running" == (await create(platform))["status"]
        await platform.platform.store.sync()
        await ask(platform, "POST", "/tokens", {"name": "bob", "scopes": ["read"]})
        refused = await ask(platform, "POST", "/sandboxes", {"sandbox_id": "b", "source": SOURCE}, status=503)
        assert "--weak-walls allows only" in refused["message"]

    inside(look)
    inside(weak, weak_walls=True, data_dir=tmp_path)
