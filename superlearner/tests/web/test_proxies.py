"""Client addresses behind a proxy, and the limit on calls from other machines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from superlearner.settings.sources import SettingsError, load_settings
from superlearner.web.pacing import HELD_S

Run = Callable[..., Any]
OWNER = {"authorization": "Bearer a-token-of-the-tests-that-is-long-enough"}
WRONG = {"authorization": "Bearer wrong"}


def coming_from(platform: Any, address: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=platform.running.web.app, client=(address, 1))
    return httpx.AsyncClient(transport=transport, base_url="http://shop.example")


def test_only_a_trusted_proxy_sets_the_client_address_and_scheme(inside: Run) -> None:
    async def test(platform: Any) -> None:
        proxy, other = coming_from(platform, "10.0.0.1"), coming_from(platform, "10.0.0.2")

        def make_headers(address: str) -> dict[str, str]:
            return {"x-forwarded-for": address, "x-forwarded-proto": "https", **WRONG}

        for _ in range(10):  # a forged address in front does not count
            await proxy.get("/api/v1/x", headers=make_headers("198.51.100.7, 192.0.2.1"))
        assert (await proxy.get("/api/v1/x", headers=make_headers("192.0.2.1"))).status_code == 429
        assert (await proxy.get("/api/v1/x", headers=make_headers("192.0.2.2"))).status_code == 401
        assert (await proxy.get("/api/v1/x", headers=make_headers("198.51.100.7"))).status_code == 401
        for number in range(10):  # another name each time does not help
            await other.get("/api/v1/x", headers=make_headers(f"192.0.2.{number + 10}"))
        assert (await other.get("/api/v1/x", headers=make_headers("192.0.2.99"))).status_code == 429
        form = {"token": OWNER["authorization"].removeprefix("Bearer "), "next": "/"}
        secure = await proxy.post("/sign-in", data=form, headers={"x-forwarded-proto": "https"})
        assert "; Secure" in secure.headers["set-cookie"]
        forged = await coming_from(platform, "10.0.0.3").post(
            "/sign-in", data=form, headers={"x-forwarded-proto": "https"}
        )
        assert "; Secure" not in forged.headers["set-cookie"]

    inside(test, trusted_proxies=("10.0.0.1",), allow_host=("shop.example",))


def test_a_proxy_may_take_its_prefix_from_a_path_or_leave_it(inside: Run) -> None:
    """Regression: the address that is printed at the start was a 404. The server puts the prefix before what comes."""

    async def test(platform: Any) -> None:
        for left in ("", "/tools/sl"):
            page = await platform.client.get(f"/tools/sl{left}/supervisors")
            assert (page.status_code, 'data-root="/tools/sl"' in page.text) == (200, True)
            name = await platform.client.get(f"/tools/sl{left}/api/v1/processes/a%2Fb/info")
            assert "'a/b'" in name.json()["error"]["message"]
            assert (await platform.client.get(f"/tools/sl{left}/static/base/theme.js")).status_code == 200
        assert (await platform.client.get("/tools/sl/tools/sl")).status_code == 200
        assert (await platform.client.get("/tools/sl/tools/slow")).status_code == 404

    inside(test, root_path="/tools/sl")


def test_a_prefix_that_is_a_page_of_ours_does_not_hide_the_page(inside: Run) -> None:
    async def test(platform: Any) -> None:
        assert "Documentation" in (await platform.client.get("/docs/docs")).text
        assert (await platform.client.get("/docs/docs/settings")).status_code == 200

    inside(test, root_path="/docs")


def test_behind_a_proxy_everybody_needs_a_credential(inside: Run) -> None:
    async def test(platform: Any) -> None:
        assert (await platform.client.get("/api/v1/supervisors")).status_code == 401

    inside(test, trusted_proxies=("127.0.0.1",))


@pytest.mark.parametrize(
    "given",
    [
        {"trusted_proxies": ("everybody",)},
        {"trusted_proxies": ("*",)},
        {"trusted_proxies": ("10.0.0.1/8",)},
        {"trusted_proxies": ("127.0.0.1",), "auth": "none"},
        {"keyfile": "key.pem"},
    ],
)
def test_settings_that_would_open_the_platform_are_refused(given: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="expected"):
        load_settings(**given)


def test_clients_elsewhere_have_a_call_limit_and_this_machine_has_none(inside: Run) -> None:
    async def test(platform: Any) -> None:
        elsewhere, other = coming_from(platform, "192.0.2.1"), coming_from(platform, "192.0.2.2")
        for _ in range(5):
            assert (await elsewhere.get("/api/v1/supervisors", headers=OWNER)).status_code == 200
        late = await elsewhere.get("/api/v1/supervisors", headers=OWNER)
        assert (late.status_code, late.json()["error"]["code"]) == (429, "rate_limited")
        assert 0 < int(late.headers["retry-after"]) <= 10
        assert (await other.get("/api/v1/supervisors", headers=OWNER)).status_code == 429  # the same user
        assert (await other.get("/api/v1/supervisors")).status_code == 401
        assert (await elsewhere.get("/health/ready")).status_code == 200
        for _ in range(20):
            assert (await platform.client.get("/api/v1/supervisors", headers=OWNER)).status_code == 200

    inside(test, auth="all", allow_host=("shop.example",), calls_at_once=5, calls_per_second=0.1)


def test_a_client_with_too_many_calls_is_refused_after_a_pause_that_others_do_not_notice(inside: Run) -> None:
    """Regression: one who went on took the time of all others with refusals."""

    async def test(platform: Any) -> None:
        elsewhere = coming_from(platform, "192.0.2.1")
        assert (await elsewhere.get("/api/v1/supervisors", headers=OWNER)).status_code == 200
        loop = asyncio.get_running_loop()
        begun = loop.time()
        late = asyncio.create_task(elsewhere.get("/api/v1/supervisors", headers=OWNER))
        assert (await platform.client.get("/api/v1/supervisors", headers=OWNER)).status_code == 200
        assert not late.done()
        assert (await late).status_code == 429
        assert loop.time() - begun >= HELD_S

    inside(test, auth="all", allow_host=("shop.example",), calls_at_once=1, calls_per_second=0.1)
