"""Files that play a moment anywhere: one HTML document with styles, scripts and data, which allows no network.

The scripts are those of the pages. A document can not import a module without an address, so the modules become
functions in one script, each before those that import it. No bundler is needed: our modules import names and export
declarations, at the beginning of a line.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from superlearner.operations.engine.seams import MomentPage
from superlearner.web.page_templates import TEMPLATES, page_templates
from superlearner.web.static_tree import COMMENT, STATIC

__all__ = ["make_moment_file"]

ENTRY: Final = "moment/saved.js"
STYLES: Final = ("base/sl.css", "base/components.css", "moment/stage.css", "moment/dock.css", "moment/why.css")
SYMBOLS: Final = ("running", "supervisor", "crashed", "gave-up", "stopped", "up", "theme")

IMPORT: Final = re.compile(r"""^import \{([^}]*)\} from "([^"]+)";\n""", re.MULTILINE)
EXPORTED: Final = re.compile(r"^export ((?:async )?function|const|class) (\w+)", re.MULTILINE)
EXPORT_LIST: Final = re.compile(r"export\{([^}]*)\};?\s*$")
INDENT: Final = re.compile(r"\n\s+")
CSS_SPACE: Final = re.compile(r"(?<=[:;,{}])\s+|\s+(?=[{};])")
CSS_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
FONT: Final = re.compile(r"@font-face \{.*?\}\n", re.DOTALL)
UNSAFE: Final = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def make_moment_file(page: MomentPage) -> str:
    """Return the document of a moment."""
    style, theme, script = _parts()
    policy = "; ".join((
        "default-src 'none'", f"script-src {_hash(theme)} {_hash(script)}", f"style-src {_hash(style)}",
        "base-uri 'none'", "form-action 'none'",
    ))  # fmt: skip
    template = page_templates().get_template("moment.html")
    return template.render(
        title=page.title,
        node=page.node,
        time=f"{page.at.day} {page.at:%B %Y, %H:%M:%S} UTC",
        datetime=page.at.isoformat(),
        summary=page.summary,
        policy=policy,
        style=Markup(style),
        theme=Markup(theme),
        script=Markup(script),
        symbols=Markup(_symbols()),
        data=Markup(_json({"moment": page.moment, "notes": page.notes})),
    )


def _json(value: Mapping[str, Any]) -> str:
    r"""Return JSON that no HTML parser takes for markup, and no JavaScript for the end of a line.

    >>> _json({"name": "</script>\u2028"})
    '{"name":"\\u003c/script\\u003e\\u2028"}'
    """
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return re.sub("[<>&]", lambda found: UNSAFE[found[0]], text)


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _parts() -> tuple[str, str, str]:
    """Return the styles, the script that sets the theme, and the modules."""
    styles = FONT.sub("", "".join(CSS_COMMENT.sub("", _read(path)) for path in STYLES))
    return CSS_SPACE.sub("", styles), COMMENT.sub("", _read("base/theme.js")), join_modules(STATIC, ENTRY)


def _read(path: str) -> str:
    return (STATIC / path).read_text(encoding="utf-8")


def _symbols() -> str:
    base = (TEMPLATES / "base.html").read_text(encoding="utf-8")
    found = (re.search(rf'<symbol id="i-{name}".*?</symbol>', base) for name in SYMBOLS)
    return "".join(one[0] for one in found if one)


def join_modules(folder: Path, entry: str) -> str:
    """Return one script of a module and all that it imports: each is a function that returns its exports.

    Raises:
        ValueError: a module imports or exports in a form that is not handled, or imports itself.
    """
    made: dict[str, str] = {}
    open_: list[str] = []

    def add(path: str) -> None:
        if path in made:
            return
        if path in open_:
            raise ValueError(f"expected modules without a circle, got {' → '.join([*open_, path])}")
        open_.append(path)
        text = (folder / path).read_text(encoding="utf-8")
        if not path.startswith("vendor/"):
            text = INDENT.sub("\n", COMMENT.sub("", text))
        for _, target in IMPORT.findall(text):
            add(_resolve(path, target))
        made[path] = _as_function(path, text)
        open_.pop()

    add(entry)
    return "const modules = {};\n" + "".join(made.values())


def _resolve(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def _as_function(path: str, text: str) -> str:
    r"""Return a module as a function that is called at once.

    >>> print(_as_function("a/b.js", 'import { c as d } from "./e.js";\nexport const f = d;\n'))
    modules["a/b.js"] = (() => {
    const { c: d } = modules["a/e.js"];
    const f = d;
    return { f };
    })();
    <BLANKLINE>
    """
    exports = [name for _, name in EXPORTED.findall(text)]
    listed = EXPORT_LIST.search(text)
    if listed is not None:
        exports += [": ".join(reversed(one.split(" as "))) for one in listed[1].split(",")]
        text = text[: listed.start()] + "\n"
    text = EXPORTED.sub(r"\1 \2", text)
    text = IMPORT.sub(lambda found: (
        f'const {{{found[1].replace(" as ", ": ")}}} = modules["{_resolve(path, found[2])}"];\n'
    ), text)  # fmt: skip
    left = re.search(r"^(?:import|export)\b.*", text, re.MULTILINE)
    if left is not None or "</script" in text:
        raise ValueError(f"{path}: expected imports of names and exports of declarations, got {left and left[0]!r}")
    return f'modules["{path}"] = (() => {{\n{text}return {{ {", ".join(exports)} }};\n}})();\n'
