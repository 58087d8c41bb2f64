"""Secrets in texts and fields are hidden, wherever they stand, and counts are not."""

from __future__ import annotations

import linecache
import time
from dataclasses import dataclass
from typing import Any

import pytest

import otp
from otp.bounded import text
from otp.observer import unfold
from otp.redaction import source_line, source_without_secrets, without_secrets

LONG = "hunter2" + "x" * 900

URLS = {
    "postgres://ada:hunter2@db/shop": "postgres://ada:***@db/shop",
    "postgres://ada:hun/hunter2@db/shop": "postgres://ada:***@db/shop",
    "postgres://ada:at@hunter2@db/shop": "postgres://ada:***@db/shop",
    "redis://:hunter2@cache": "redis://:***@cache",
    f"amqps://ada:{LONG}@broker": "amqps://ada:***@broker",
    f"https://{LONG}@github.com/ada": "https://***@github.com/ada",
    r"postgres:\/\/ada:hunter2@db\/shop": r"postgres:\/\/ada:***@db\/shop",
    "postgres://ada:hunter%402@db": "postgres://ada:***@db",
    "to=postgres%3A%2F%2Fada%3Ahunter2%40db%2Fshop&x=1": "to=postgres%3A%2F%2Fada%3A***%40db%2Fshop&x=1",
    "to=redis%253A%252F%252F%253Ahunter2%2540cache": "to=redis%253A%252F%252F%253A***%2540cache",
    "https://h/d?user=ada&password=hunter2,x&b=1": "https://h/d?user=ada&password=***&b=1",
    "https://h/d?db%5Fpassw%6Frd=hunter2#top": "https://h/d?db%5Fpassw%6Frd=***#top",
    "https://h/d?pass=hunter2": "https://h/d?pass=***",
    "next=https%3A%2F%2Fh%3Fpassword%3Dhunter2": "next=https%3A%2F%2Fh%3Fpassword%3D***",
    "the shop moved from mysql://a:hunter2@x to ftp://b:hunter2@y.": "the shop moved from mysql://a:***@x to ftp://b:***@y.",
}


@pytest.mark.parametrize("url", URLS, ids=range(len(URLS)))
def test_credentials_in_a_url_of_any_scheme_are_hidden(url: str) -> None:
    assert without_secrets(url) == URLS[url]
    assert "hunter2" not in text(("connect", url, {"to": url.encode()}), length=5000)


@pytest.mark.parametrize(
    "plain",
    [
        "http://127.0.0.1:4000/nodes/shop@127.0.0.1",
        "http://[::1]:4000/ada@example.com",
        "ssh://git@github.com/ada/shop",
        '{"url":"http://localhost:4000","mail":"ada@example.com"}',
        "GET /processes?page=2&per_page=50",
        "{'tokens': 5, 'capacity': 10}",
        "tokens=4.25, filled",
    ],
)
def test_a_text_without_a_secret_stays_as_it_is(plain: str) -> None:
    assert without_secrets(plain) == plain


@pytest.mark.parametrize(
    "said",
    [
        '{"password": "two hunter2, words", "n": 1}',
        r"{\"password\": \"hunter2 hunter2\", \"n\": 1}",
        "password='hunter2; hunter2'",
        "tokens=hunter2",
        "DRIVER=x;UID=ada;PWD=hunter2",
    ],
)
def test_a_quoted_value_is_hidden_up_to_its_last_quote(said: str) -> None:
    assert "hunter2" not in without_secrets(said)


@pytest.mark.parametrize(
    "value",
    [
        ("secret", "hunter2"),
        ("login", ("password", "it's)"), [("token", {"a": (1, "hunter2")}), 7]),
        ("set_password", "ada", "hunter2"),
        ("tokens", 5),
        ("tokens", "hunter2"),
        ("ok", ("token_count",)),
    ],
    ids=str,
)
def test_the_text_of_a_tuple_hides_what_the_tuple_hides(value: Any) -> None:
    """Messages of events are texts: `error why` showed secrets that the log hid."""
    said = f"in handle_cast({value!r}), then ({value!r})"
    hidden = text(value, length=5000)
    assert (
        f"in handle_cast({hidden}), then ({hidden})" == without_secrets(said) == without_secrets(without_secrets(said))
    )


@pytest.mark.parametrize("length", range(10, 60))
def test_a_text_that_is_cut_in_the_middle_of_a_password_does_not_show_its_beginning(length: int) -> None:
    url = f"postgres://ada:hunter2{'x' * 20}@db/shop"
    for shown in (
        without_secrets(url, length),
        without_secrets(f"{url[:length]}…"),
        text(url, length=length),
        text(url.encode(), length=length),
        unfold(url, length=length),
    ):
        assert "hunt" not in str(shown)


def test_hiding_takes_time_in_proportion_to_the_text() -> None:
    for part in ("//a:", "password ", "?a=", "%3A%2F%2Fa%3A", "password='", "//a:b/", "password=\\", "%25"):
        begun = time.process_time()
        without_secrets(part * 20_000)
        assert time.process_time() - begun < 2, part


@dataclass
class Bucket:
    tokens: Any
    access_token: Any = 7


def test_the_tokens_of_a_token_bucket_are_shown() -> None:
    assert text(Bucket(4.5)) == "Bucket(tokens=4.5, access_token=***)"
    assert text({"tokens": 3, "auth_tokens": 4, "token": 5}) == "{'tokens': 3, 'auth_tokens': ***, 'token': ***}"
    assert text(("tokens", 3)) == "('tokens', 3)"
    found = unfold(Bucket(4.5))
    assert found is not None
    assert [one.text for one in found.members] == ["4.5", "***"]


@pytest.mark.parametrize("tokens", [["t0p"], "t0p", {"ada": "t0p"}, ("t0p",)], ids=str)
def test_tokens_that_are_no_number_are_hidden(tokens: Any) -> None:
    assert text(Bucket(tokens)) == "Bucket(tokens=***, access_token=***)"
    assert "t0p" not in text(("tokens", tokens))


def test_the_recording_of_an_exit_reason_has_no_secret() -> None:
    async def main() -> list[Any]:
        node = otp.trace.node_of(otp.self())
        rows: list[Any] = []
        reader = otp.trace.subscribe(node, lambda event: rows.append(otp.trace.Row.of(event, node)), kinds={"exited"})
        for reason in ("no postgres://ada:hunter2@db", ("password", "hunter2"), {"password": "hunter2"}):

            async def end(reason: Any = reason) -> None:
                otp.exit(reason)

            pid = otp.spawn(end)
            ref = otp.monitor(pid)
            await otp.receive(lambda message, ref=ref: message.ref == ref)
        reader.close()
        return [row.data["reason"] for row in rows]

    assert otp.run(main) == ["no postgres://ada:***@db", ["password", "***"], {"password": "***"}]


SOURCE = {
    'password = "hunter2"': 'password = "***"',
    'password: Final[str] = "hunter2"': 'password: Final[str] = "***"',
    'password = rb"hunter2"': 'password = rb"***"',
    'if password != "hunter2":': 'if password != "***":',
    'if "hunter2" == password:': 'if "***" == password:',
    'login(user, set_password("hunter2"))': 'login(user, set_password("***"))',
    'os.environ["DB_PASSWORD"] = "hunter2"': 'os.environ["DB_PASSWORD"] = "***"',
    '{"name": "ada", "password": "hunter2"}': '{"name": "***", "password": "***"}',
    "passwords = ['hunter2', 'other']": "passwords = ['***', '***']",
    'password = "hunter2 without an end': 'password = "***',
    'client = Client(\n    token=\n        "hunter2",\n)': 'client = Client(\n    token=\n        "***",\n)',
    'connect("postgres://ada:hunter2@db/shop")': 'connect("postgres://ada:***@db/shop")',
    'CONFIG = """\npassword: hunter2\n"""': 'CONFIG = """\npassword: ***\n"""',
    "pin = 7  # token: hunter2": "pin = 7  # token: ***",
    "door_token = 4711": "door_token = ***",
    f'header("sl_{"k" * 43}")': 'header("***")',
    # what is no secret stays
    "def login(self, user: str, password: str) -> Ok:": "def login(self, user: str, password: str) -> Ok:",
    "token = secrets.token_hex(16)": "token = secrets.token_hex(16)",
    "max_tokens = 100": "max_tokens = 100",
    'raise ValueError("wrong password")': 'raise ValueError("wrong password")',
    'return Reply("ok", state)': 'return Reply("ok", state)',
}


@pytest.mark.parametrize("line", SOURCE, ids=range(len(SOURCE)))
def test_literals_beside_the_name_of_a_secret_are_hidden_in_source_lines(line: str) -> None:
    assert SOURCE[line] == source_without_secrets(line)


def test_source_lines_of_a_traceback_are_hidden_wherever_it_stands() -> None:
    """Regression: only what follows `password=` was, so that `password: str = "…"` was shown."""
    told = without_secrets(
        'Traceback (most recent call last):\n  File "shop.py", line 15, in handle_cast\n'
        '    password: str = check("hunter2")\n                    ^^^^^^^^^^^^^^^^\nValueError: wrong password'
    )
    assert ("hunter2" in told, "ValueError: wrong password" in told) == (False, True)


def test_a_credential_that_was_issued_is_hidden_whatever_stands_before_it() -> None:
    issued = "Zx9-a-credential-of-this-platform-0123456789"
    told = without_secrets(f"GET /a/{issued}/b and {issued}.", is_token=lambda word: word == issued)
    assert told == "GET /a/***/b and ***"


def test_a_long_program_is_redacted_in_linear_time() -> None:
    def seconds(lines: int) -> float:
        begun = time.process_time()
        source_without_secrets('password = "x" + \'y\'  # "z"\n' * lines)
        return time.process_time() - begun

    seconds(100)
    assert seconds(8_000) < 12 * max(seconds(2_000), 0.002)


HOSTILE = {
    "keys in one line": '"password"',
    "a long word": "password",
    "values of one line": 'password = {"key": "value"}, ',
    "values below a name": 'secrets = [\n    "a",\n    ',
    "comments": '#"x"token',
}


@pytest.mark.parametrize("part", HOSTILE.values(), ids=HOSTILE)
def test_a_traceback_of_one_long_line_is_redacted_in_linear_time(part: str) -> None:
    def seconds(times: int) -> float:
        begun = time.process_time()
        without_secrets('File "x", line 1\n    ' + part * times)
        return time.process_time() - begun

    seconds(100)
    assert seconds(8_000) < 12 * max(seconds(2_000), 0.002)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ('secrets = [\n    "a1",\n    "b2",\n]\n"text"', 'secrets = [\n    "***",\n    "***",\n]\n"text"'),
        ('password = (\n    "one"\n    "two")\nx = "y"', 'password = (\n    "***"\n    "***")\nx = "y"'),
        ("password = -1234", "password = ***"),
    ],
)
def test_all_values_of_a_secret_are_hidden(code: str, shown: str) -> None:
    assert shown == source_without_secrets(code)


def test_a_credential_is_hidden_also_where_the_text_is_cut_inside_it() -> None:
    issued = "Zx9-a-credential-of-this-platform-0123456789"
    told = without_secrets("a" * 79 + " " + issued, 100, is_token=lambda word: word == issued)
    assert told == "a" * 79 + " ***"


SPLIT = ["connect(\n", "    password=\n", '        decode("hunter2"),\n', ")\n"]


@pytest.mark.parametrize(
    ("lines", "line", "shown"),
    [
        (SPLIT, 3, 'decode("***"),'),
        (SPLIT, 4, ")"),
        (SPLIT, 5, ""),
        (SPLIT, 0, ""),
        (["password = (\n", '    "hunter2"\n', ")\n"], 2, '"***"'),
        (["password = \\\n", '    "hunter2"\n'], 2, '"***"'),
        (['name = "a', "'\n", 'password = "hunter2"\n'], 3, 'password = "***"'),  # an open quote above it
        (["ask(password)\n", 'say("hello")\n', "\n"], 2, 'say("hello")'),
        (["ask(password)\n", 'say("hello")\n', "\n"], 3, ""),
    ],
)
def test_a_line_of_a_file_is_redacted_by_the_lines_above_it(lines: list[str], line: int, shown: str) -> None:
    """Regression: a value was shown if the name of the secret was in the line above."""
    linecache.cache["<split>"] = (0, None, lines, "<split>")
    assert shown == source_line("<split>", line)
