"""Files that play a moment: what is in them, and what never is."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from superlearner.operations.builtin.moment_files import portable, without_bystanders, without_states, without_users
from superlearner.operations.engine.seams import MomentPage
from superlearner.web.moment_files import join_modules, make_moment_file

RECORDED = Path(__file__).parent / "js"
AT = datetime(2026, 11, 26, 10, 7, 7, tzinfo=UTC)


def recorded(name: str) -> dict[str, Any]:
    return json.loads((RECORDED / f"moment-{name}.json").read_text(encoding="utf-8"))


def made(moment: dict[str, Any], **more: Any) -> str:
    values = {"title": "ledger restarted", "at": AT, "node": "shop@127.0.0.1", "summary": moment["summary"], **more}
    return make_moment_file(MomentPage(moment=portable(moment), **values))


def test_a_file_is_small_and_has_no_address() -> None:
    text = made(recorded("gives-up"))
    assert len(text.encode()) < 150_000
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"'`]*", text))
    assert {one for one in addresses if "www.w3.org" not in one} == set()
    assert not re.search(r"\b(?:src|href)=\"(?!#)", text.split("<script", 1)[0])


def test_the_policy_allows_nothing_but_the_parts_of_the_file() -> None:
    text = made(recorded("rest"))
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    policy = policy.replace("&#39;", "'")
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy and "http" not in policy
    form = "<(?:style|script|script type=.module.)>(.*?)</(?:style|script)>"
    parts = re.findall(form, text, re.DOTALL)
    assert len(parts) == 3
    for part in parts:
        assert base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() in policy


def test_names_are_text_wherever_they_stand() -> None:
    hostile = "</script><img src=x onerror=alert(1)>\u2028<!--"
    moment = json.loads(json.dumps(recorded("rest")).replace("ledger", json.dumps(hostile)[1:-1]))
    text = made(moment, title=hostile, node=hostile, summary=hostile)
    assert "<img" not in text and "\u2028" not in text.split('id="moment">')[1]
    (data,) = re.findall(r'id="moment">(.*?)</script>', text, re.DOTALL)
    assert json.loads(data)["moment"]["root"] == portable(moment)["root"]


def test_paths_of_this_machine_and_secrets_stay_here() -> None:
    moment = recorded("rest")
    moment["events"][0]["reason"] = "FileNotFoundError(2, '/data/ada/shop/orders.csv')"
    moment["root"]["children"][0]["children"][0]["state"] = (
        "Book(password='hunter2', file='C:\\\\Users\\\\ada\\\\x.txt')"
    )
    moment["summary"] = "ledger was killed, by your request over HTTP (process.kill); see /data/ada/shop/orders.csv"
    moment["request"] = "your request over HTTP (process.kill)"
    moment["requester"] = {"user": "ada", "interface": "rest", "operation": "process.kill", "at": 1.0}
    sent = {"user": "ada", "interface": "page", "operation": "process.message", "at": 1.0}
    sender = "that ada sent from the page at 10:07:07"
    moment["handled"] = {"kind": "cast", "text": "'boom'", "sender": sender, "requester": sent}
    moment["facts"] = {"what": "ledger was restarted", "why": "killed", "handling": f"the cast 'boom' {sender}"}
    text = made(without_users(moment))
    (data,) = re.findall(r'id="moment">(.*?)</script>', text, re.DOTALL)
    assert not re.search(r"\bada\b|hunter2|your request", data)
    assert "the cast 'boom' sent from the page at " in json.loads(data)["moment"]["facts"]["handling"]
    assert "see …/orders.csv" in json.loads(data)["moment"]["summary"]


def test_quoted_code_stays_as_it_is_written_except_home_folders() -> None:
    moment = recorded("rest")
    moment["line"] = {"file": "a.py", "line": 7, "function": "handle_cast", "source": 'open("/dev/label-printer-7")'}
    assert portable(moment)["line"]["source"] == 'open("/dev/label-printer-7")'
    moment["line"]["source"] = f'open("/{"home"}/ada/shop/orders.csv")'
    assert portable(moment)["line"]["source"] == 'open("~/shop/orders.csv")'


def test_nodes_have_numbers_in_place_of_their_paths() -> None:
    found = portable(recorded("rest"))
    assert "checkout_sup/" not in json.dumps(found)
    ids = {found["root"]["id"]} | {one["id"] for one in found["root"]["children"]}
    assert {one["id"] for one in found["events"]} <= ids | {
        below["id"] for one in found["root"]["children"] for below in one["children"]
    }


def test_a_large_tree_is_reduced_to_what_the_restart_touched() -> None:
    moment = recorded("one")
    leaf = {**moment["root"]["children"][0], "id": "quiet", "name": "quiet", "children": []}
    moment["root"] = {**moment["root"], "children": [*moment["root"]["children"], *[leaf] * 50], "more": 2}
    found = without_bystanders(moment)
    touched = {one["id"] for one in moment["events"]}
    assert all(one["id"] in touched for one in found["root"]["children"])
    assert len(found["root"]["children"]) + found["root"]["more"] == len(moment["root"]["children"]) + 2
    assert '"state": "' not in json.dumps(without_states(found))


def test_modules_come_before_those_that_import_them(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(
        'import { b } from "./b.js";\nimport { c } from "./c.js";\nexport const a = b + c;\n'
    )
    (tmp_path / "b.js").write_text('import { c } from "./c.js";\nexport function b() {}\n')
    (tmp_path / "c.js").write_text("export class c {}\n")
    assert re.findall(r'^modules\["(\w)', join_modules(tmp_path, "a.js"), re.MULTILINE) == ["c", "b", "a"]


@pytest.mark.parametrize("text", ['import "./b.js";\n', 'export * from "./b.js";\n', "export default 1;\n",
                                  'import { a } from "./a.js";\n'])  # fmt: skip
def test_a_form_that_is_not_handled_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(text)
    with pytest.raises(ValueError, match="expected"):
        join_modules(tmp_path, "a.js")
