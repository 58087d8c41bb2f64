"""The form's model: every operation's schema as fields, what is typed as values, refusals beside fields; the search."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from js_modules import JsModules, run_modules
from superlearner.operations.builtin.arsenal import describe_operation
from superlearner.operations.engine.examples import example_of
from superlearner.operations.engine.execution import checked
from superlearner.operations.engine.registry import all_operations

OPERATIONS = {one.name: one for one in all_operations()}
LINES = {name: describe_operation(one).model_dump(mode="json") for name, one in OPERATIONS.items()}


@pytest.fixture(scope="module")
def modules() -> Iterator[JsModules]:
    names = ["form-fields", "form-request", "operation-list", "json-tree", "pickers"]
    with run_modules("base/sent-events", *(f"arsenal/{name}" for name in names), timezone="America/New_York") as found:
        yield found


def fields(modules: JsModules, name: str) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in modules.evaluate("(line) => fieldsOf(line)", LINES[name])}


def line(**properties: Any) -> dict[str, Any]:
    required = [name for name, schema in properties.items() if schema.pop("required", False)]
    schema = {"properties": properties, "required": required}
    return LINES["process.gc"] | {"parameters": schema}


def typed(modules: JsModules, schema: dict[str, Any], *entries: Any) -> list[Any]:
    """Return what each entry is read as: a value or an error; `...` for nothing."""
    text = "([line, entries]) => entries.map((entry) => read(fieldsOf(line)[0], entry))"
    found = modules.evaluate(text, [line(value=schema), list(entries)])
    return [one["value"] if "value" in one else one.get("wrong", ...) for one in found]


def test_every_example_goes_through_the_form_and_comes_out_as_it_is(modules: JsModules) -> None:
    text = """(all) => all.map(([line, values]) => {
        const fields = fieldsOf(line);
        const entries = Object.fromEntries(fields.map((one) => [one.name, entryOf(one, values[one.name])]));
        return {names: fields.map((one) => one.name), ...valuesOf(fields, entries)};
    })"""
    examples = {name: example_of(operation) for name, operation in OPERATIONS.items()}
    answers = modules.evaluate(text, [[LINES[name], values] for name, values in examples.items()])
    for (name, values), found in zip(examples.items(), answers, strict=True):
        operation = OPERATIONS[name]
        assert (name, found["wrong"]) == (name, {})
        assert checked(operation, found["values"]) == checked(operation, values)
        assert {one.name for one in operation.parameters} == set(found["names"])


def test_each_kind_of_parameter_has_its_field(modules: JsModules) -> None:
    kinds = {
        "process.kill.pid": "text", "process.kill.force": "flag", "process.message.message": "any",
        "process.message.message_type": "choice", "process.item.item": "choice", "process.bulk.pids": "list",
        "supervisor.start.children": "json", "supervisor.start.max_restarts": "mixed", "audit.list.since": "time",
        "supervisor.start_child.shutdown": "mixed", "token.create.scopes": "several", "state.update.changes": "json",
        "token.create.expires_days": "number", "process.list.page": "integer", "process.list.type": "choice",
    }  # fmt: skip
    found = {path: fields(modules, path.rpartition(".")[0])[path.rpartition(".")[2]] for path in kinds}
    assert {path: one["kind"] for path, one in found.items()} == kinds
    assert found["process.kill.pid"]["place"] == "path"
    assert found["process.list.type"]["nullable"]
    assert found["process.kill.pid"]["picker"] == "process"
    assert found["supervisor.start.max_restarts"]["choices"] == ["infinity"]
    assert {one["picker"] for name in LINES for one in fields(modules, name).values() if one["picker"]} <= set(
        modules.evaluate(
            """(kinds) => kinds.filter((kind) => sourceOf(kind, () => "x", ""))""",
            ["process", "supervisor", "child", "application", "module", "registry", "setting", "recording", "name",
             "trace", "token", "backup", "simulation", "operation", "page", "sandbox", "user"],
        )
    )  # fmt: skip


def test_form_values_are_read_as_on_the_command_line(modules: JsModules) -> None:
    assert typed(modules, {}, "increment", '["add", 3]', "5", "true", '"5"', "null", "") == [
        "increment", ["add", 3], 5, True, "5", None, ...,
    ]  # fmt: skip
    assert typed(modules, {"type": "array", "items": {"type": "string"}}, "a\n b \n\nc", '["x"]') == [
        ["a", "b", "c"], ["x"],
    ]  # fmt: skip
    number = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"const": "infinity"}, {"type": "null"}]}
    expected = "Expected a number from 1 to 9, or infinity."
    assert typed(modules, number, "3", "infinity", "10", "x", " ") == [3, "infinity", expected, expected, ...]
    whole = {"type": "integer", "minimum": 1, "required": True}
    expected = "Expected a whole number from 1."
    assert typed(modules, whole, "2", "2.5", "0", "1e3", "") == [2, expected, expected, 1000, "This is needed."]
    when = {"type": "number", "format": "unix-time"}
    dates = "2020-01-01T00:00:00", "2020-01-01 00:00", "2020-01-01"
    expected = "Expected a time such as 18:14, 30 min ago, 1h or 2026-11-27 18:14."
    assert typed(modules, when, *dates, "5", "30 min ago", "1h", "x") == [
        *[1577854800] * 3, 5, "30 min ago", "1h", expected,
    ]  # fmt: skip
    assert typed(modules, when, "18:14")[0] in ("18:14-05:00", "18:14-04:00")
    text = """([line, now]) => {
        const { Date: Real } = globalThis;
        globalThis.Date = class extends Real {
            constructor(...of) { super(...(of.length ? of : [now])); }
            static now() { return now; }
        };
        try { return read(fieldsOf(line)[0], "00:30").value; } finally { globalThis.Date = Real; }
    }"""
    summer, changed = 1793491200000, 1793520000000  # 00:00 and 08:00 UTC; clocks are set back at 06:00 UTC
    assert [modules.evaluate(text, [line(value=when), now]) for now in (summer, changed)] == ["00:30-04:00"] * 2
    text = {"type": "string", "maxLength": 3, "pattern": "^[a-z]"}
    long, form = "Expected at most 3 characters, got 4.", "Expected another form: ^[a-z]"
    assert typed(modules, text, "abc", "abcd", "1", "😀") == ["abc", long, form, form]


def test_a_value_that_is_as_it_would_be_anyway_is_left_out(modules: JsModules) -> None:
    text = """(line) => { const fields = fieldsOf(line);
        return valuesOf(fields, {pid: "x", reason: "kill", force: false}).values; }"""
    assert modules.evaluate(text, LINES["process.kill"]) == {"pid": "x"}


def test_every_value_goes_where_it_belongs(modules: JsModules) -> None:
    def request(name: str, values: dict[str, Any], **how: Any) -> Any:
        return modules.evaluate("(all) => requestOf(...all)", [LINES[name], values, how])

    kill = request("process.kill", {"pid": "a/../b", "reason": "x y"}, node="till@host", dryRun=True)
    assert kill["path"] == "/api/v1/processes/a%2F..%2Fb"
    assert kill["query"] == [["reason", "x y"], ["node", "till@host"], ["dry_run", "true"]]
    sent = request("process.message", {"pid": "c", "message": ["a"]}, dryRun=False)
    assert (sent["body"], sent["query"]) == ({"message": ["a"]}, [])
    assert request("process.gc", {})["body"] == {}
    assert request("events.stream", {"types": ["a", "b"]})["query"] == [["types", "a"], ["types", "b"]]


def test_a_refusal_is_shown_beside_its_field(modules: JsModules) -> None:
    details = [
        {"field": "body.children.0.start", "problem": "Field required", "hint": "this parameter is required"},
        {"field": "children", "problem": "too many"}, {"field": "other", "problem": "no"},
        {"field": None, "problem": None, "hint": None},
    ]  # fmt: skip
    found = modules.evaluate("(details) => refusals(['children', 'name'], details)", details)
    assert found == {"children": "0.start: Field required; this parameter is required. too many"}


@pytest.mark.parametrize(
    ("typed", "first"),
    [("kill a process", "process.kill"), ("kill", "process.kill"), ("stop supervisor", "supervisor.stop"),
     ("who crashed", "restart.list"), ("who gave up", "restart.list"), ("restart something", "restart.list"),
     ("send message", "process.message"), ("prkill", "process.kill"),
     ("why did it restart", "error.why"), ("why did ledger restart", "error.why"),
     ("what happened", "restart.list"), ("list processes", "process.list"), ("process.info", "process.info"),
     ("undo state", "state.restore"), ("create token", "token.create"), ("watch events", "events.stream")],
)  # fmt: skip
def test_people_find_what_they_want_by_their_own_words(modules: JsModules, typed: str, first: str) -> None:
    text = """([lines, typed]) =>
        found(lines, typed, {effect: '', scope: ''}).flatMap((one) => one.lines.map((line) => line.name))"""
    names = modules.evaluate(text, [list(LINES.values()), typed])
    assert names[0] == first, names[:5]


def test_a_verb_finds_its_operation_and_nonsense_finds_none(modules: JsModules) -> None:
    text = """([lines, typed]) =>
        found(lines, typed, {effect: '', scope: ''}).flatMap((one) => one.lines.map((line) => line.name))"""
    assert "supervisor.restart" in modules.evaluate(text, [list(LINES.values()), "restart something"])
    for nonsense in ("qqqzx", "__proto__"):
        assert modules.evaluate(text, [list(LINES.values()), nonsense]) == []
    assert modules.evaluate(text, [list(LINES.values()), "constructor"]) is not None


def test_the_list_begins_with_what_people_come_for_and_ends_with_what_packages_add(modules: JsModules) -> None:
    added = LINES["process.list"] | {"name": "quietest.list", "category": "quietest"}
    text = "(lines) => grouped(lines).map((one) => [one.label, one.lines.map((line) => line.name)])"
    groups = modules.evaluate(text, [*LINES.values(), added])
    assert [groups[0][0], groups[0][1][0], groups[1][0], groups[-1]] == [
        "Processes", "process.kill", "Supervisors", ["Quietest", ["quietest.list"]],
    ]  # fmt: skip
    assert sum(len(names) for _, names in groups) == len(LINES) + 1
    destroys = modules.evaluate("(lines) => lines.filter((one) => passes(one, {effect: 'destroys', scope: 'code'})).map((one) => one.name)", list(LINES.values()))  # noqa: E501  # fmt: skip
    assert "store.delete" in destroys
    assert "recording.delete" not in destroys


def test_server_sent_events_are_read_out_of_any_pieces(modules: JsModules) -> None:
    stream = 'retry: 1000\n\nid: 1\nevent: spawned\ndata: {"a":\ndata: 1}\n\n: beat\n\nid: 2\ndata: x\n\n'
    expected = [
        {"id": "1", "type": "spawned", "data": '{"a":\n1}'},
        {"id": "2", "type": "message", "data": "x"},
    ]
    for size in (1, 3, 7, 1000):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        text = "(pieces) => { const read = sentEvents(); return pieces.flatMap((one) => read(one)); }"
        assert modules.evaluate(text, pieces) == expected


def test_a_tree_has_lines_paths_and_tables(modules: JsModules) -> None:
    value = {"pid": "0.17.0", "links": [{"pid": "0.2.0"}], "long": list(range(300)), "a b": None}
    lines = modules.evaluate("(value) => linesOf(value)", value)
    assert [one["key"] for one in lines] == [None, "pid", "links", "0", "pid", "long", "a b"]
    paths = modules.evaluate("(value) => linesOf(value).map((one) => pathOf(one.parts))", value)
    assert paths == ["data", "data.pid", "data.links", "data.links[0]", "data.links[0].pid", "data.long", 'data["a b"]']
    folds = "new Map([['[\"long\"]', true]])"
    opened = modules.evaluate(f"(value) => linesOf(value, {folds})", value)
    assert (len(opened), [one["more"] for one in opened if one["more"]]) == (len(lines) + 100, [200])
    assert modules.evaluate("tableOf([{a: 1}, {b: [1, 2]}]).columns") == ["a", "b"]
    assert modules.evaluate("[tableOf([]), tableOf([1]), tableOf({a: 1})]") == [None, None, None]
    rows = [{"n": 10}, {"n": None}, {"n": 9}]
    assert modules.evaluate("(rows) => sorted(rows, 'n', true)", rows) == [rows[0], rows[2], rows[1]]
    found = modules.evaluate("[['0.17.0', 'pid'], ['<0.17.0>', null], ['3.11.7', 'python'], ['x', 'pid']].map((one) => pidOf(...one))")  # noqa: E501  # fmt: skip
    assert found == ["0.17.0", "0.17.0", "", ""]
    moments = modules.evaluate("[momentOf(1577854800, 'started_at'), momentOf(1577854800, 'memory')]")
    assert moments == ["1 Jan 2020, 00:00:00", ""]
