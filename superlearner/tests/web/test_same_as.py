"""The lines for other interfaces below a form do the same as the form."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from js_modules import JsModules, run_modules
from superlearner.base.typed_time import read_time
from superlearner.cli import operations as commands
from superlearner.cli.asking import PlatformAnswer
from superlearner.cli.console.calls import Caller
from superlearner.cli.console.names import namespace
from superlearner.cli.finding import FoundPlatform
from superlearner.operations.adapters.cli import entry_of
from superlearner.operations.adapters.mcp import tool_name
from superlearner.operations.builtin.arsenal import describe_operation
from superlearner.operations.engine.examples import example_of
from superlearner.operations.engine.registry import all_operations

OPERATIONS = {one.name: one for one in all_operations()}
LINES = {name: describe_operation(one).model_dump(mode="json") for name, one in OPERATIONS.items()}
HOSTILE = "-x'\"$(touch x)`;\n\\ \x1b[31m \u202eabc <b> {a} %2F ü😀"
AT = "http://127.0.0.1:1"


class Asked(NamedTuple):
    name: str
    values: dict[str, Any]
    dry_run: bool
    node: str | None


@pytest.fixture(scope="module")
def modules() -> Iterator[JsModules]:
    with run_modules("arsenal/same-as", "arsenal/form-request", "arsenal/form-fields") as found:
        yield found


def same(modules: JsModules, name: str, values: dict[str, Any], **how: Any) -> dict[str, str]:
    text = "([line, values, how]) => sameAs(line, values, how)"
    return {one["id"]: one["text"] for one in modules.evaluate(text, [LINES[name], values, {"at": AT, **how}])}


def request(modules: JsModules, name: str, values: dict[str, Any], **how: Any) -> dict[str, Any]:
    return modules.evaluate("([line, values, how]) => requestOf(line, values, how)", [LINES[name], values, how])


def typed(monkeypatch: pytest.MonkeyPatch, line: str) -> Asked:
    """Return the request that a command would send."""
    asked: list[Asked] = []

    def ask(_: Any, entry: Any, values: Any, *, dry_run: bool = False, node: str | None = None) -> PlatformAnswer:
        asked.append(Asked(entry["name"], dict(values), dry_run, node))
        return PlatformAnswer(None)

    def watch(_: Any, entry: Any, values: Any, *, node: str | None, as_json: bool) -> None:
        asked.append(Asked(entry["name"], dict(values), as_json, node))

    monkeypatch.setattr(commands, "reach", lambda *_: FoundPlatform("http://127.0.0.1:9", None))
    monkeypatch.setattr(commands, "ask_or_fail", ask)
    monkeypatch.setattr("superlearner.cli.following.follow", watch)
    monkeypatch.setattr(commands, "show", lambda *_, **__: None)
    monkeypatch.setattr(commands, "_print_text", lambda *_: True)
    monkeypatch.setattr(commands, "_save", lambda *_: {})
    program, category, verb, *words = split(line)
    entry = entry_of(OPERATIONS[f"{category}.{verb.replace('-', '_')}"])
    assert program == "superlearner"
    commands.command_of(entry).main(words, standalone_mode=False)
    return asked[0]


def split(line: str) -> list[str]:
    """The words of a line as the shell has them."""
    if "$'" not in line and "$(" not in line:
        return shlex.split(line)
    done = subprocess.run(["bash", "-c", f"superlearner() {{ printf '%s\\0' superlearner \"$@\"; }}; curl() {{ printf '%s\\0' curl \"$@\"; }}; {line}"], capture_output=True, check=True, text=True)  # noqa: E501  # fmt: skip
    return done.stdout.split("\0")[:-1]


class FakeRemote:
    asked: Asked

    def ask(self, line: Any, given: Any, *, dry_run: bool, node: str | None) -> PlatformAnswer:
        self.asked = Asked(line["name"], dict(given), dry_run, node)
        return PlatformAnswer(None)


REMOTE: Any = FakeRemote()
NAMES = namespace(Caller(REMOTE, LINES))


def called(line: str) -> Asked:
    """Return the request that a line of the console would send."""
    eval(line, dict(NAMES))
    return REMOTE.asked


def without_defaults(asked: Asked) -> Asked:
    """Remove defaults: the console sends them, the command line does not."""
    properties = LINES[asked.name]["parameters"].get("properties", {})
    kept = {name: value for name, value in asked.values.items() if value != properties[name].get("default", ...)}
    return asked._replace(values=kept)


def test_every_interface_sends_the_same_request(modules: JsModules, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each operation's example: the words of curl are the request of the form, the others give its values."""
    for name in OPERATIONS:
        compare_requests(modules, monkeypatch, name)


def compare_requests(modules: JsModules, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    operation, values = OPERATIONS[name], example_of(OPERATIONS[name])
    node = "till@127.0.0.1" if operation.on_node else None
    how = {"node": node or "", "dryRun": operation.changes}
    lines = same(modules, name, values, **how)
    asked = Asked(name, values, operation.changes, node)

    in_path = {one.name for one in operation.parameters if one.place == "path"}
    times = {one["name"] for one in entry_of(operation)["parameters"] if one.get("format") == "unix-time"}
    sent = {key: str(value) if key in in_path else value for key, value in values.items()}
    sent |= {key: read_time(values[key]) for key in times & values.keys()}  # read in the zone of the terminal
    drawn = {"format": "text"} if name == commands.TREES else {}
    assert typed(monkeypatch, lines["cli"]) == asked._replace(values=sent | drawn)
    assert without_defaults(called(lines["python"])) == without_defaults(asked)
    told = json.loads(lines["mcp"])["params"]
    more = ({"node": node} if node else {}) | ({"dry_run": True} if operation.changes else {})
    assert (told["name"], told["arguments"]) == (tool_name(name), values | more)

    words = split(lines["curl"].replace("$(superlearner token)", "TOKEN"))
    expected = request(modules, name, values, **how)
    address = urlsplit(words[-1])
    assert (address.path, parse_qs(address.query, keep_blank_values=True)) == (
        expected["path"],
        _lists(expected["query"]),
    )
    assert (words[words.index("-X") + 1] if "-X" in words else "GET") == expected["method"]
    body = json.loads(words[words.index("-d") + 1]) if "-d" in words else None
    assert body == expected.get("body")
    carried = (body or {}) | {key: value[0] for key, value in _lists(expected["query"]).items()}
    assert {*values} == in_path | {*carried} - (more.keys() - values.keys())


def _lists(query: list[list[str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in query:
        found.setdefault(key, []).append(value)
    return found


@pytest.mark.parametrize("pid", [HOSTILE, "--force", "a b", "it's", "../../x"])
def test_whatever_a_value_holds_arrives_as_it_is(modules: JsModules, monkeypatch: pytest.MonkeyPatch, pid: str) -> None:
    values = {"pid": pid, "message": HOSTILE, "timeout_ms": 5}
    lines = same(modules, "process.message", values)
    assert typed(monkeypatch, lines["cli"]).values == values
    assert called(lines["python"]).values == values
    assert json.loads(lines["mcp"])["params"]["arguments"] == values
    words = split(lines["curl"])
    assert json.loads(words[words.index("-d") + 1]) == {"message": HOSTILE, "timeout_ms": 5}
    path = urlsplit(words[-1]).path
    assert unquote(path) == f"/api/v1/processes/{pid}/message"
    assert path.count("/") == 5
    for text in lines.values():
        assert all(one.isprintable() or one == "\n" for one in text)


@pytest.mark.parametrize("message", ["5", "true", "[1", '"quoted"', "null", "add", "", 5, None, [], {"a": ["b"]}])
def test_a_text_that_looks_like_something_else_stays_a_text(
    modules: JsModules, monkeypatch: pytest.MonkeyPatch, message: Any
) -> None:
    values = {"pid": "counter_1", "message": message}
    assert typed(monkeypatch, same(modules, "process.message", values)["cli"]).values == values


@pytest.mark.program
def test_the_line_for_a_shell_works(modules: JsModules, start_for_all: Callable[..., Any]) -> None:
    """A kill by curl, by the command line and by the console, typed as the page shows it."""
    program = start_for_all()
    with program.client() as client:

        def pid_of(name: str) -> str:
            return client.get(f"/api/v1/processes/{name}/info").json()["data"]["pid"]

        before = pid_of("counter_1")
        lines = same(modules, "process.kill", {"pid": "counter_1", "reason": "it's over"}, at=program.url)
        done = subprocess.run(["bash", "-c", lines["curl"]], capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["data"]["reason"] == "it's over"
        again = pid_of("counter_1")
        assert again != before
        for door in ("cli", "python"):
            words = split(lines["cli"])[1:] if door == "cli" else ["console", "-c", lines["python"]]
            subprocess.run([*_superlearner(), *words], env=program.environment, check=True, capture_output=True)
            assert pid_of("counter_1") != again
            again = pid_of("counter_1")
        log = client.get("/api/v1/events?types=operation_done&last=10&limit=3", headers={"accept": "application/json"})
        doors = [one["data"]["claims"] for one in log.json()["data"]["items"]]
    assert doors == ["rest", "cli", "console"]


def _superlearner() -> list[str]:
    import sys

    return [sys.executable, "-m", "superlearner"]
