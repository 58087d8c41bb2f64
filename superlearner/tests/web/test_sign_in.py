"""Sign-in of a platform that requires credentials. A test for each rule."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from contextlib import closing
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from starlette.types import Receive, Scope, Send

import otp
from envelopes import failure
from superlearner.access.credentials import Credentials
from superlearner.base.throttle import Throttle
from superlearner.web.guard import Guard
from superlearner.web.sign_in import SIGN_IN, SignIn

TOKEN = "a-token-of-the-tests-that-is-long-enough"
BEARER = {"authorization": f"Bearer {TOKEN}"}
WRONG = {"authorization": "Bearer wrong"}
COOKIE = "superlearner-4000"
Inside = Callable[..., Any]


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def behind(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept web sockets, and answer 200 with the path, behind sign-in."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


class Door:
    """The guard, sign-in and an application; each request is that of a client without state."""

    def __init__(self, *, root_path: str = "", scheme: str = "http") -> None:
        self.clock = Clock()
        self.credentials = Credentials(TOKEN, now=self.clock)
        throttle = Throttle(burst=3, every=5, now=self.clock)
        door = SignIn(behind, self.credentials, port=4000, root_path=root_path, throttle=throttle)
        self.app = Guard(door, form_paths={SIGN_IN})
        self.root_path = root_path
        self.base_url = f"{scheme}://localhost:4000"

    def ask(self, method: str, path: str, *, client: str = "192.0.2.1", **options: Any) -> httpx.Response:
        async def main() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app, client=(client, 1), root_path=self.root_path)
            async with httpx.AsyncClient(transport=transport, base_url=self.base_url) as client_:
                return await client_.request(method, path, **options)

        return asyncio.run(main())

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def send_form(self, token: str, target: str = "/supervisors", **options: Any) -> httpx.Response:
        return self.ask("POST", SIGN_IN, data={"token": token, "next": target}, **options)

    def link(self, path: str = "/") -> str:
        return f"{path}?token={self.credentials.new_code()}"

    def connect(self, *, extensions: bool = True, **headers: str) -> list[Any]:
        """Return the first messages to a web socket."""
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        raw = [(name.encode(), value.encode()) for name, value in {"host": "localhost:4000", **headers}.items()]
        scope = {"type": "websocket", "scheme": "ws", "path": "/live/supervisors", "headers": raw}
        scope |= {"client": ("192.0.2.1", 1), "query_string": b"", "root_path": ""}
        if extensions:
            scope["extensions"] = {"websocket.http.response": {}}
        asyncio.run(self.app(scope, receive, send))
        return sent


@pytest.fixture
def door() -> Door:
    return Door()


def cookie_of(answer: httpx.Response) -> dict[str, str]:
    """The cookie of an answer, as a request brings it."""
    name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
    assert name == COOKIE
    return {"cookie": f"{name}={value}"}


# -- visitors with and without credentials -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/static/base/sl.css", "/sign-in"])
def test_health_static_files_and_the_sign_in_page_are_open(door: Door, path: str) -> None:
    assert door.get(path).status_code == 200


def test_the_sign_in_page_has_the_header_of_every_page_and_no_bar_without_links(door: Door) -> None:
    page = door.get("/sign-in").text
    assert ('class="brand"' in page, "<nav" in page) == (True, False)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/v1/processes", "/api", "/", "/supervisors", "/metrics", "/health", "/statics"])
def test_everything_else_needs_a_credential(door: Door, method: str, path: str) -> None:
    answer = door.ask(method, path)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="SuperLearner"'
    assert answer.headers["cache-control"] == "no-store"
    assert door.ask(method, path, headers=BEARER).status_code == 200


@pytest.mark.parametrize(
    "path", ["/static", "/health/live/", "/health/live%2f..%2f..%2fapi", "//static/x", "/STATIC/x", "/sign-inn"]
)
def test_a_path_that_only_looks_open_is_not(door: Door, path: str) -> None:
    assert door.get(f"http://localhost:4000{path}").status_code == 401


def test_401_comes_in_the_envelope_and_says_where_the_token_lies(door: Door) -> None:
    answer = door.get("/api/v1/supervisors")
    assert failure(answer) == (401, "unauthorized")
    (detail,) = answer.json()["error"]["details"]
    assert "superlearner token" in detail["hint"]
    assert "`token`" in detail["hint"]
    assert failure(door.get("/api/v1/supervisors", headers=WRONG)) == (401, "unauthorized")


def test_the_token_of_the_owner_is_a_bearer_token(door: Door) -> None:
    assert door.get("/api/v1/x", headers={"authorization": f"bearer  {TOKEN}"}).text == "/api/v1/x"
    for given in (f"Bearer {TOKEN}x", "Bearer", "Bearer ", f"Basic {TOKEN}", TOKEN):
        assert failure(door.get("/api/v1/x", headers={"authorization": given}, client=given))[0] == 401
    twice = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer wrong")]
    assert failure(door.get("/api/v1/x", headers=twice)) == (400, "malformed_request")


def test_a_cookie_opens_pages_and_api_and_a_wrong_one_is_taken_back(door: Door) -> None:
    cookie = cookie_of(door.send_form(TOKEN))
    assert door.get("/supervisors", headers=cookie).status_code == 200
    assert door.ask("DELETE", "/api/v1/processes/x", headers=cookie).status_code == 200
    assert door.get("/supervisors", headers={"cookie": cookie["cookie"].replace("4000", "4001")}).status_code == 401
    wrong = door.get("/api/v1/x", headers={"cookie": f"{COOKIE}=wrong"})
    assert failure(wrong) == (401, "unauthorized")
    assert "Max-Age=0" in wrong.headers["set-cookie"]


def test_an_ended_session_does_not_count_as_a_guess(door: Door) -> None:
    cookie = cookie_of(door.send_form(TOKEN))
    door.clock.now += 8 * 24 * 3600
    for _ in range(10):
        answer = door.get("/supervisors", headers=cookie)
        assert answer.status_code == 401
        assert "Your session has ended." in answer.text
        assert "Max-Age=0" in answer.headers["set-cookie"]


def test_a_web_socket_without_a_credential_is_refused_before_it_is_accepted(door: Door) -> None:
    start, body = door.connect()
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 401)
    assert b'"unauthorized"' in body["body"]
    (close,) = door.connect(extensions=False)
    assert (close["type"], close["code"]) == ("websocket.close", 4401)
    assert door.connect(cookie=f"{COOKIE}=wrong")[0]["status"] == 401
    assert door.connect(**WRONG)[0]["status"] == 401
    assert door.connect(**cookie_of(door.send_form(TOKEN)))[0]["type"] == "websocket.accept"
    assert door.connect(**BEARER)[0]["type"] == "websocket.accept"


def test_a_foreign_page_gets_nothing_by_a_session(door: Door) -> None:
    """Browsers do not send the cookie from there; if one did, the guard would refuse it."""
    cookie = cookie_of(door.send_form(TOKEN))
    foreign = {**cookie, "origin": "http://evil.example"}
    assert failure(door.ask("DELETE", "/api/v1/processes/x", headers=foreign)) == (403, "foreign_origin")
    assert door.connect(**foreign)[0]["code"] == 4403
    assert failure(door.send_form(TOKEN, headers={"origin": "http://evil.example"})) == (403, "foreign_origin")


# -- links that sign in once -------------------------------------------------------------------------------------


def test_a_link_sets_the_cookie_and_leads_to_the_clean_address(door: Door) -> None:
    answer = door.get(door.link("/supervisors") + "&sort=name&x=")
    assert (answer.status_code, answer.headers["location"]) == (303, "/supervisors?sort=name&x=")
    assert answer.headers["set-cookie"].partition("; ")[2] == "HttpOnly; Path=/; SameSite=strict"
    assert answer.headers["cache-control"] == "no-store"
    assert door.get("/supervisors", headers=cookie_of(answer)).status_code == 200


def test_a_link_signs_in_once(door: Door) -> None:
    link = door.link()
    first = door.get(link)
    second = door.get(link)
    assert (first.status_code, second.status_code) == (303, 401)
    assert "set-cookie" not in second.headers
    assert "This link was used before" in second.text


def test_a_signed_in_visitor_only_loses_the_code_from_the_address(door: Door) -> None:
    link = door.link()
    cookie = cookie_of(door.get(link))
    assert door.get(link, headers=cookie).headers["location"] == "/"
    unused = door.link()
    assert door.get(unused, headers=cookie).status_code == 303
    assert door.get(unused).status_code == 401  # it was spent all the same


def test_only_a_visit_uses_a_link_up(door: Door) -> None:
    link = door.link()
    assert door.ask("HEAD", link).status_code == 401
    assert door.get(link, headers={"sec-purpose": "prefetch;prerender"}).status_code == 503
    assert door.get(link.replace("/?", "/api/v1/x?")).status_code == 401
    assert door.get(link).status_code == 303


def test_the_token_itself_is_not_a_link(door: Door) -> None:
    assert door.get(f"/?token={TOKEN}").status_code == 401


def test_over_https_the_cookie_is_for_https_only() -> None:
    door = Door(scheme="https")
    assert door.get(door.link()).headers["set-cookie"].endswith("; HttpOnly; Path=/; SameSite=strict; Secure")


def test_a_path_prefix_is_in_every_address() -> None:
    door = Door(root_path="/tools/sl")
    answer = door.get("/tools/sl" + door.link("/supervisors"))
    assert answer.headers["location"] == "/tools/sl/supervisors"
    assert "Path=/tools/sl;" in answer.headers["set-cookie"]
    page = door.get("/tools/sl/supervisors")
    assert 'action="/tools/sl/sign-in"' in page.text
    assert 'name="next" value="/supervisors"' in page.text
    assert 'url=/tools/sl/sign-in?next=%2Fsupervisors"' in page.text
    assert door.get("/tools/sl/health/ready").status_code == 200


def test_the_command_line_gets_fresh_links_by_the_token_and_a_session_does_not(door: Door) -> None:
    cookie = cookie_of(door.send_form(TOKEN))
    for headers in ({}, cookie, WRONG):
        assert failure(door.ask("POST", "/sign-in/link", headers=headers)) == (401, "unauthorized")
    answer = door.ask("POST", "/sign-in/link", headers=BEARER)
    code = answer.json()["data"]["code"]
    assert (door.get(f"/?token={code}").status_code, door.get(f"/?token={code}").status_code) == (303, 401)


# -- the form ----------------------------------------------------------------------------------------------------


def test_a_page_without_a_credential_is_the_form(door: Door) -> None:
    page = door.get("/supervisors?sort=name&find=%3Cb%3E")
    assert (page.status_code, page.headers["content-type"]) == (401, "text/html; charset=utf-8")
    assert 'method="post" action="/sign-in"' in page.text
    assert 'value="/supervisors?sort=name&amp;find=%3Cb%3E"' in page.text
    assert "'self'" in page.headers["content-security-policy"]
    assert "alert" not in page.text
    assert page.text.count("<script") == page.text.count("<script src=") == 1


def test_the_form_signs_in_and_leads_where_one_wanted_to_go(door: Door) -> None:
    answer = door.send_form(f" {TOKEN}\n", "/supervisors?sort=name")
    assert (answer.status_code, answer.headers["location"]) == (303, "/supervisors?sort=name")
    assert door.get("/supervisors", headers=cookie_of(answer)).status_code == 200


def test_a_wrong_token_is_said_in_the_form_and_not_repeated(door: Door) -> None:
    answer = door.send_form("hunter2", "/supervisors?x=1")
    assert answer.status_code == 401
    assert "That is not the token of this platform." in answer.text
    assert 'role="alert"' in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert 'value="/supervisors?x=1"' in answer.text
    assert "hunter2" not in answer.text
    assert "set-cookie" not in answer.headers
    assert "Enter the token." in door.send_form("").text


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "/\\evil.example", "http://evil.example", "evil", "", "/\t/evil.example", "/a b", "/ü", "/\r\n"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere(door: Door, target: str) -> None:
    assert door.send_form(TOKEN, target).headers["location"] == "/"
    cookie = cookie_of(door.send_form(TOKEN))
    assert door.get(f"/sign-in?next={quote(target)}", headers=cookie).headers["location"] == "/"
    assert 'name="next" value="/"' in door.get(f"/sign-in?next={quote(target)}").text


def test_a_link_never_redirects_to_another_host(door: Door) -> None:
    assert door.get(f"http://localhost:4000{door.link('//evil.example/x')}").headers["location"] == "/"


def test_a_form_is_small_and_a_form(door: Door) -> None:
    assert failure(door.send_form("x" * 20_000)) == (413, "body_too_large")
    assert failure(door.ask("POST", SIGN_IN, json={"token": TOKEN})) == (415, "unsupported_media_type")
    assert failure(door.ask("POST", "/api/v1/x", data={"token": TOKEN})) == (415, "unsupported_media_type")
    many = "&".join(f"f{number}=1" for number in range(50))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert failure(door.ask("POST", SIGN_IN, content=many, headers=kind)) == (400, "malformed_request")
    assert failure(door.ask("DELETE", SIGN_IN)) == (405, "method_not_allowed")


def test_a_visit_from_another_site_is_repeated_once_from_our_page(door: Door) -> None:
    """Browsers do not send a strict cookie from another site, so a signed-in user would have to sign in again."""
    refresh = '<meta http-equiv="refresh" content="0; url=/sign-in?next=%2Fsupervisors">'
    assert refresh in door.get("/supervisors", headers={"sec-fetch-site": "cross-site"}).text
    assert refresh in door.get("/supervisors").text  # plain http beyond loopback: browsers do not say
    for site in ("none", "same-origin"):
        assert "refresh" not in door.get("/supervisors", headers={"sec-fetch-site": site}).text
    assert "refresh" not in door.get("/sign-in?next=/supervisors").text
    assert "refresh" not in door.get("/?token=used").text
    cookie = cookie_of(door.send_form(TOKEN))
    assert door.get("/sign-in?next=/supervisors", headers=cookie).headers["location"] == "/supervisors"


# -- wrong too often ---------------------------------------------------------------------------------------------

WAYS: dict[str, Callable[[Door], httpx.Response]] = {
    "api": lambda door: door.get("/api/v1/x", headers=WRONG),
    "page": lambda door: door.get("/supervisors", headers=WRONG),
    "cookie": lambda door: door.get("/supervisors", headers={"cookie": f"{COOKIE}=wrong"}),
    "form": lambda door: door.send_form("wrong"),
    "link": lambda door: door.get("/?token=wrong"),
    "new link": lambda door: door.ask("POST", "/sign-in/link", headers=WRONG),
}


@pytest.mark.parametrize("way", WAYS)
def test_too_many_failed_attempts_delay_all_ways_to_sign_in(door: Door, way: str) -> None:
    for _ in range(3):
        assert WAYS[way](door).status_code == 401
    for one in WAYS.values():
        answer = one(door)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    refused, _ = door.connect(**WRONG)
    assert refused["status"] == 429
    assert (b"retry-after", b"5") in refused["headers"]
    assert failure(WAYS["api"](door)) == (429, "rate_limited")
    assert "Try again in 5 seconds." in WAYS["form"](door).text


def test_wrong_web_sockets_count_as_well(door: Door) -> None:
    assert [door.connect(**WRONG)[0]["status"] for _ in range(4)] == [401, 401, 401, 429]


def test_a_right_credential_waits_too_a_session_does_not_and_other_addresses_do_not(door: Door) -> None:
    """Otherwise guessing would go on at full speed. A neighbour's guesses must not lock out the user."""
    cookie = cookie_of(door.send_form(TOKEN))
    link = door.link()
    for _ in range(3):
        door.get("/api/v1/x", headers=WRONG)
    assert door.get("/api/v1/x", headers=BEARER).status_code == 429
    assert door.get(link).status_code == 429
    assert door.get("/api/v1/x", headers=cookie).status_code == 200
    assert door.get("/api/v1/x", headers=BEARER, client="192.0.2.2").status_code == 200
    assert door.get("/supervisors").status_code == 401  # a visitor without a credential only has to sign in
    door.clock.now += 5
    assert door.get("/api/v1/x", headers=BEARER).status_code == 200
    assert door.get(link).status_code == 303


def test_a_wrong_token_does_not_cost_a_right_session(door: Door) -> None:
    cookie = cookie_of(door.send_form(TOKEN))
    for status in (401, 401, 401, 429):
        answer = door.get("/supervisors", headers={**cookie, **WRONG})
        assert answer.status_code == status
        assert "set-cookie" not in answer.headers


def test_the_page_of_another_site_does_not_lock_out_its_reader(door: Door) -> None:
    """Its pictures may be a hundred wrong links; a link in a mail is opened from another site as well."""
    for site in ("cross-site", "same-site"):
        for _ in range(5):
            assert door.get("/?token=wrong", headers={"sec-fetch-site": site}).status_code == 401
    assert door.get("/api/v1/x", headers=BEARER).status_code == 200
    assert door.get(door.link(), headers={"sec-fetch-site": "cross-site"}).status_code == 303


def test_the_terminal_shows_it_once_and_no_credential_is_in_the_log(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(10):
        door.send_form("hunter2")
    (record,) = [record for record in caplog.records if record.name == "superlearner.web.recognising"]
    assert record.getMessage() == "too many wrong credentials from '192.0.2.1': further attempts are delayed"


# -- the whole platform ------------------------------------------------------------------------------------------


def test_a_platform_that_asks_for_credentials_opens_with_its_token(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        client = platform.client
        assert (await client.get("/health/ready")).status_code == 200
        assert (await client.get("/static/shell/sign-in.css")).status_code == 200
        assert (await client.get("/static/%2e%2e/api/v1/supervisors")).status_code == 404
        for path in ("/", "/supervisors", "/api/v1/supervisors", "/api/v1/arsenal/docs", "/nowhere"):
            assert (await client.get(path)).status_code == 401
        killed = await client.request("DELETE", "/api/v1/processes/counter_1", json={})
        assert (killed.status_code, killed.json()["error"]["code"]) == (401, "unauthorized")
        assert (await client.get("/api/v1/supervisors", headers=BEARER)).status_code == 200
        code = platform.platform.credentials.new_code()
        page = await client.get(f"/?token={code}", follow_redirects=True)
        assert (page.status_code, str(page.url)) == (200, "http://localhost/")
        assert (await client.get("/api/v1/supervisors")).status_code == 200

    inside(test, auth="all")


def test_nobody_is_asked_on_loopback(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        assert (await platform.client.get("/api/v1/supervisors")).status_code == 200
        assert (await platform.client.get("/?token=old")).headers["location"] == "/"
        old = {"cookie": f"{cookie_name(platform)}=old"}
        assert (await platform.client.get("/api/v1/supervisors", headers=old)).status_code == 200
        assert (await platform.client.get("/api/v1/supervisors", headers=WRONG)).status_code == 401

    inside(test)


def test_the_cookie_of_another_data_directory_does_not_lock_out_the_owner_on_loopback(inside: Inside) -> None:
    """It had this port before; the browser sends its cookie with each request, although no sign-in is required."""

    async def test(platform: Any) -> None:
        old = {"cookie": f"{cookie_name(platform)}=1.a.owner.b"}
        for _ in range(15):
            assert (await platform.client.get("/supervisors", headers=old)).status_code == 200
        assert (await platform.client.get("/api/v1/audit", headers=BEARER)).status_code == 503  # by no store, not 429

    inside(test)


def test_a_page_says_once_that_the_link_to_it_did_not_sign_in_and_how_to_get_another(inside: Inside) -> None:
    """It looked like any other page, and the first hint of it was a refusal much later."""

    async def test(platform: Any) -> None:
        client, used = platform.client, platform.platform.credentials.new_code()
        await client.get(f"/?token={used}")
        client.cookies.clear()
        for code, why in ((used, "each link signs in once"), ("of-before", "an earlier start of the platform")):
            page = await client.get(f"/supervisors?token={code}", follow_redirects=True)
            assert str(page.url) == "http://localhost/supervisors"
            assert "You are not signed in: this link was used before" in page.text
            assert why in page.text
            assert re.search(r"type <code>superlearner[^<]* run</code> in another terminal", page.text)
            assert "You are not signed in" not in (await client.get("/supervisors")).text

    inside(test)


def test_a_refused_link_leads_to_the_form_and_to_a_new_link(door: Door) -> None:
    link = door.link()
    door.get(link)
    assert "<code>superlearner run</code> prints a new sign-in link" in door.get(link).text


def cookie_name(platform: Any) -> str:
    return f"superlearner-{platform.platform.listener.port}"


def test_the_scope_code_requires_a_credential_on_loopback_too(inside: Inside) -> None:
    async def test(platform: Any) -> None:
        client, path = platform.client, "/api/v1/audit"
        refused = await client.get(path)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "missing_scope")
        let_in = (503, "store_unavailable")  # this platform has no store, and the operation says so
        answer = await client.get(path, headers=BEARER)
        assert (answer.status_code, answer.json()["error"]["code"]) == let_in
        code = platform.platform.credentials.new_code()
        page = await client.get(f"/?token={code}")
        assert (page.status_code, page.headers["location"]) == (303, "/")
        assert (await client.get(path)).status_code == 503  # by the session now

    inside(test)


def test_a_platform_that_should_ask_and_cannot_does_not_start() -> None:
    from superlearner.app.running import RunningPlatform
    from superlearner.base.listening import Listener
    from superlearner.settings.settings import Settings
    from superlearner.web.platform import Platform

    with closing(Listener.bind("127.0.0.1", 0)) as listener:
        platform = Platform(otp.Node("here@127.0.0.1"), Settings(host="0.0.0.0"), listener)
        with pytest.raises(RuntimeError, match="credentials are required"):
            RunningPlatform(platform, ())


@pytest.mark.operation("arsenal.whoami")
def test_every_visitor_can_request_their_identity(inside: Callable[..., Any]) -> None:
    async def test(platform: Any) -> None:
        nobody = (await platform.get("/api/v1/arsenal/whoami"))["data"]
        assert (nobody["user"], nobody["credential"], nobody["local"]) == ("anonymous", False, True)
        owner = (await platform.get("/api/v1/arsenal/whoami", headers={"authorization": f"Bearer {TOKEN}"}))["data"]
        assert (owner["user"], owner["scopes"], owner["credential"]) == (
            "owner",
            ["read", "operate", "code", "admin"],
            True,
        )

    inside(test)
