"""Applications start, stop and have an environment, and the tree shows them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import otp
from otp import Agent, Application, Children, ChildSpec, Supervisor, impl
from superlearner.app.own_application import OwnApplication
from superlearner.app.running import Tree

Inside = Callable[..., Any]
AT = "/api/v1/applications"
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}


class BankTop(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        if arg == "broke":
            raise ValueError("no money")
        return Children([ChildSpec("till", start=(start_till,))])


async def start_till() -> Any:
    interest = Application.get_env("bank", "interest")
    return await Agent.start_link(lambda: interest, name="till")


class Vault(Application):
    name = "vault"

    @impl
    async def start(self, kind: Any, args: Any) -> Any:
        return await Supervisor.start_link_children([], name="vault_top")


class Bank(Application):
    name = "bank"
    description = "Keeps money"
    vsn = "1.2"
    applications = (Vault,)
    env = {"interest": 2, "api_token": "t0p-secret"}

    @impl
    async def start(self, kind: Any, args: Any) -> Any:
        return await BankTop.start_link(args, name="bank_top")


def failure(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def ask(platform: Any, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = await platform.client.request(method, f"{AT}{path}", json=body, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


@pytest.mark.operation("application.start", "application.stop", "application.list", "application.info")
def test_an_application_starts_with_its_dependencies_and_stops_alone(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        names = [one["name"] for one in await ask(platform, "GET", "")]
        assert names == ["superlearner"]
        started = await ask(platform, "POST", "", {"application": f"{__name__}:Bank"})
        assert started["started"] == ["vault", "bank"]
        shown = await ask(platform, "GET", "/bank")
        assert (shown["running"], shown["type"], shown["vsn"], shown["applications"]) == (
            True,
            "temporary",
            "1.2",
            ["vault"],
        )
        assert shown["top"] == str(platform.node.whereis("bank_top")).strip("<>")
        again = await platform.client.post(AT, json={"application": "bank"})
        assert failure(again) == (409, "already_started")

        stopped = await ask(platform, "DELETE", "/bank")
        assert stopped["stopped"] == ["bank"]
        assert (platform.node.whereis("bank_top"), platform.node.whereis("till")) == (None, None)
        listed = {one["name"]: one["running"] for one in await ask(platform, "GET", "")}
        assert listed == {"superlearner": True, "vault": True, "bank": False}
        assert failure(await platform.client.delete(f"{AT}/bank")) == (409, "conflict")
        broke = await platform.client.post(AT, json={"application": "bank", "args": "broke"})
        assert failure(broke) == (409, "start_failed")
        assert "no money" in broke.json()["error"]["message"]
        for wrong in ("no:Where", f"{__name__}:BankTop"):
            assert failure(await platform.client.post(AT, json={"application": wrong})) == (422, "validation_error")
        assert failure(await platform.client.post(AT, json={"application": "unknown"})) == (
            404,
            "application_not_found",
        )
        await ask(platform, "POST", "", {"application": "bank"})
        assert platform.node.whereis("till") is not None

    inside(test, auth="all")


@pytest.mark.operation("application.start", "application.restart", "process.kill")
def test_the_processes_of_a_started_application_are_not_the_platforms(inside: Inside) -> None:
    own = OwnApplication(Bank)

    async def test(platform: Any) -> None:
        async def end() -> None:
            top = (await ask(platform, "GET", "/vault"))["top"]
            ended = await platform.client.delete(f"/api/v1/processes/{top}")
            assert ended.json()["data"]["terminated"] is True

        await end()  # the application of the playground has started it
        await ask(platform, "POST", "", {"application": "vault"}, headers=OWNER)
        await end()
        await ask(platform, "POST", "", {"application": "vault"}, headers=OWNER)
        await ask(platform, "POST", "/vault/restart", headers=OWNER)
        await end()

    inside(test, Tree("bank", own.start, own))


@pytest.mark.operation(
    "application.env", "application.get_env", "application.set_env", "application.unset_env", "application.restart"
)
def test_a_changed_value_is_read_by_the_next_start_and_secrets_are_redacted(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        await ask(platform, "POST", "", {"application": f"{__name__}:Bank"})
        assert (await ask(platform, "GET", "/bank/env"))["values"] == {"interest": 2, "api_token": "***"}
        assert (await ask(platform, "GET", "/bank/env/api_token"))["value"] == "***"
        assert await Agent.get(("till", platform.node), lambda n: n) == 2

        done = await ask(platform, "PUT", "/bank/env/interest", {"value": [3, 4]})
        assert (done["set"], done["value"]) == (True, [3, 4])
        till = platform.node.whereis("till")
        await ask(platform, "POST", "/bank/restart")
        assert not otp.is_alive(till)
        assert await Agent.get(("till", platform.node), lambda n: n) == (3, 4)
        assert (await ask(platform, "DELETE", "/bank/env/interest"))["value"] == 2
        assert (await ask(platform, "GET", "/bank/env/nothing"))["set"] is False
        missing = await platform.client.get(f"{AT}/missing/env")
        assert failure(missing) == (404, "application_not_found")
        assert missing.json()["error"]["details"][0]["hint"] == (
            f"see GET /api/v1/applications?node={platform.node.name}"
        )

    inside(test, auth="all")


@pytest.mark.operation("application.set_env", "application.unset_env")
def test_the_environment_of_the_platform_itself_cannot_be_set(inside: Inside) -> None:
    """Regression: the scope `operate` sufficed, without a credential."""

    async def test(platform: Any) -> None:
        before = await ask(platform, "GET", "/superlearner/env")
        for headers in ({}, OWNER):
            for method, body in (("PUT", {"value": 1}), ("DELETE", None)):
                answer = await platform.client.request(
                    method, f"{AT}/superlearner/env/colour", json=body, headers=headers
                )
                assert failure(answer) == (403, "critical_process_protection")
        assert await ask(platform, "GET", "/superlearner/env") == before

    inside(test)


@pytest.mark.operation("application.stop", "application.start", "application.restart")
def test_a_user_application_is_stopped_and_started_in_the_playground(inside: Inside) -> None:
    own = OwnApplication(Bank)
    tree = Tree("bank", own.start, own)

    async def test(platform: Any) -> None:
        platform.client.headers.update(OWNER)
        assert {one["name"]: one["running"] for one in await ask(platform, "GET", "")} == {
            "superlearner": True, "vault": True, "bank": True,
        }  # fmt: skip
        before = platform.node.whereis("bank_top")
        await ask(platform, "POST", "/bank/restart")
        assert platform.node.whereis("bank_top") not in (None, before)
        await ask(platform, "DELETE", "/bank")
        assert platform.node.whereis("bank_top") is None
        assert (await ask(platform, "GET", "/bank"))["running"] is False
        await ask(platform, "POST", "", {"application": "bank"})
        assert platform.node.whereis("bank_top") is not None
        for forced, refused in (("", (403, "critical_process_protection")), ("?force=true", (422, "validation_error"))):
            answer = await platform.client.delete(f"{AT}/superlearner{forced}")
            assert failure(answer) == refused

    inside(test, tree, auth="all")
