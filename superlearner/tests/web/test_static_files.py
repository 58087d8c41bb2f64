"""The addresses of static files: a browser keeps those that have the version, and asks again for the others."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient

from superlearner.web.pages import PAGES
from superlearner.web.static_files import OwnFiles
from superlearner.web.static_tree import STATIC, StaticTree

Inside = Callable[..., Any]
FOR_A_YEAR = "public, max-age=31536000, immutable"
ADDRESS = re.compile(r'(?:href|src)="([^"]*/static/[^"]*)"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A page's script, which imports in every way there is, and what it imports."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "page.js").write_text(
        '/** @typedef {import("./types.js").Row} Row */\n'
        'import { a } from "./a.js";\n'
        'import {\n  b,\n  c as other,\n} from "./parts/b.js";\n'
        'import "./effect.js";\n'
        'export { d } from "./parts/d.js";\n'
        'import x from "elsewhere";\n'
        'const later = () => import("./later.js");\n'
        'import("./at-once.js");\n'
        'export const place = "./place.js";\n'
    )
    (tmp_path / "a.js").write_text('import { page } from "./page.js";\nexport const a = 1;\n')
    (tmp_path / "parts" / "b.js").write_text('import "../a.js";\nimport { d } from "./d.js";\n')
    (tmp_path / "parts" / "d.js").write_text('export * from "../deep.js";\n')
    for name in ("effect.js", "deep.js", "types.js", "later.js", "at-once.js", "place.js"):
        (tmp_path / name).write_text("")
    return tmp_path


def client(files: StaticTree) -> TestClient:
    return TestClient(Starlette(routes=[Mount("/static", OwnFiles(files))]))


def change(path: Path, text: str) -> None:
    """Write another text, at another time, however coarse the clock of the file system is."""
    then = path.stat().st_mtime_ns
    path.write_text(text)
    os.utime(path, ns=(then, then + 1_000_000))


def test_a_browser_keeps_a_file_under_its_version_and_asks_again_without(folder: Path) -> None:
    files = StaticTree(folder)
    ask = client(files)
    kept, asked_again = ask.get(files.url("parts/b.js")), ask.get("/static/parts/b.js")
    assert kept.text == asked_again.text == (folder / "parts" / "b.js").read_text()
    assert kept.headers["cache-control"] == FOR_A_YEAR
    assert asked_again.headers["cache-control"] == "no-cache"
    same = ask.get(files.url("a.js"), headers={"if-none-match": ask.get(files.url("a.js")).headers["etag"]})
    assert (same.status_code, same.headers["cache-control"]) == (304, FOR_A_YEAR)
    assert ask.head(files.url("a.js")).headers["cache-control"] == FOR_A_YEAR


def test_a_small_file_needs_no_open_file_while_its_client_leaves(folder: Path) -> None:
    app, sent = Starlette(routes=[Mount("/static", OwnFiles(StaticTree(folder)))]), list[Any]()

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/static/a.js",
        "root_path": "",
        "query_string": b"",
        "headers": [],
    }
    asyncio.run(app(scope, receive, send))
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    assert sent[1]["body"] == (folder / "a.js").read_bytes()


def test_another_version_gets_the_current_file_without_caching(folder: Path) -> None:
    ask = client(StaticTree(folder))
    answer = ask.get("/static/0123456789ab/parts/b.js")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("path", ["nothing.js", "", "parts", "..%2fpage.js", "%2e%2e/%2e%2e/page.js", "%00"])
def test_a_missing_file_is_not_found_under_a_version_either(folder: Path, path: str) -> None:
    files = StaticTree(folder / "parts")
    assert client(files).get(files.url(path)).status_code == 404


def test_a_file_that_was_changed_gets_another_address_at_the_next_look(folder: Path) -> None:
    files = StaticTree(folder)
    before = files.url("a.js")
    other = files.url("effect.js")
    change(folder / "a.js", "export const a = 2;\n")
    ask = client(files)
    assert ask.get(before).headers["cache-control"] == "no-cache"  # not what this version was
    assert ask.get(other).headers["cache-control"] == FOR_A_YEAR
    files.look()
    assert files.url("a.js") != before
    assert ask.get(files.url("a.js")).headers["cache-control"] == FOR_A_YEAR


def test_the_version_follows_names_and_contents_and_nothing_else(folder: Path) -> None:
    version = StaticTree(folder).version
    os.utime(folder / "a.js", (0, 0))
    assert StaticTree(folder).version == version
    (folder / "deep.js").rename(folder / "parts" / "deep.js")
    moved = StaticTree(folder).version
    (folder / "a.js").write_text((folder / "a.js").read_text().replace("1", "2"))  # as long as before
    assert len({version, moved, StaticTree(folder).version}) == 3


def test_modules_are_named_once_with_all_that_they_import_but_not_what_comes_on_demand(folder: Path) -> None:
    files = StaticTree(folder)
    assert files.modules(["page.js"]) == ("page.js", "a.js", "parts/b.js", "effect.js", "parts/d.js", "deep.js")
    assert files.modules(["a.js", "page.js"])[:2] == ("a.js", "page.js")
    assert len(files.modules(["a.js", "page.js"])) == 6
    change(folder / "deep.js", 'import "./types.js";\n')
    files.look()
    assert files.modules(["page.js"])[-1] == "types.js"


def test_files_named_in_scripts_and_style_sheets_exist() -> None:
    """Files loaded on demand are requested when a page needs them, so no page shows a wrong address."""
    missing: list[str] = []
    for path in (*STATIC.rglob("*.js"), *STATIC.rglob("*.css")):
        if path.parent.name != "vendor":
            text = path.read_text(encoding="utf-8")
            named = [path.parent / one for one in re.findall(r'(?:"|url\(")(\.{1,2}/[\w./-]+)"', text)]
            named += [STATIC / one for one in re.findall(r'"([\w/-]+\.css)"', text)]
            missing += [f"{path.relative_to(STATIC)} names {one}" for one in named if not one.is_file()]
    assert missing == []


@pytest.mark.parametrize(("folder", "below"), [("base", set[str]()), ("live", {"base"}), ("components", {"base"})])
def test_shared_modules_import_nothing_of_a_single_page(folder: str, below: set[str]) -> None:
    files = StaticTree(STATIC)
    own = [path.relative_to(STATIC).as_posix() for path in (STATIC / folder).glob("*.js")]
    assert {path.partition("/")[0] for path in files.modules(own)} <= {folder} | below


@pytest.mark.parametrize("root", ["", "/tools/sl"])
def test_every_static_address_in_a_page_has_the_version_and_is_kept(inside: Inside, root: str) -> None:
    async def test(platform: Any) -> None:
        paths = [page.href for page in PAGES if not page.below] + [
            "/docs/concepts",
            "/api/docs",
            "/api/docs/node",
            "/nothing",
            "/sign-in",
        ]
        version = StaticTree(STATIC).version
        addresses: set[str] = set()
        for path in paths:
            page = await platform.client.get(f"{root}{path}")
            found = ADDRESS.findall(page.text)
            assert len(found) >= 5, path
            preloads = re.findall(r'<link rel="modulepreload" href="([^"]+)">', page.text)
            assert len(preloads) == len(set(preloads))
            addresses.update(found)
        assert [one for one in addresses if not one.startswith(f"{root}/static/{version}/")] == []
        for address in addresses:
            answer = await platform.client.get(address)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, FOR_A_YEAR), address

    inside(test, root_path=root)
