"""The templates of all pages, compiled once for all platforms of a program."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context, select_autoescape
from jinja2.runtime import Context
from markupsafe import Markup

from superlearner.teaching.learning import PARTS
from superlearner.web.static_tree import STATIC, StaticTree

__all__ = ["FILES", "TEMPLATES", "page_templates", "render_page"]

TEMPLATES: Final = Path(__file__).parent / "templates"
FILES: Final = StaticTree(STATIC)
"""The static files of the package, read for the first page."""


def render_page(template: str, values: Mapping[str, Any]) -> str:
    """Render a template with the static files as they are now; a missing name is an error."""
    FILES.look()
    return page_templates().get_template(template).render(values)


@cache
def page_templates() -> Environment:
    """Create the templates of all pages; they have `static(path)`, and `modules(*entries)` for scripts."""
    templates = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
    )
    always: Any = templates.globals  # typed by jinja as its initial content
    always.update(
        {
            "nodes": (),
            "node": "",
            "chosen": "",
            "own": "",
            "live": False,
            "only_reads": False,
            "hides_code": False,
            "can_sign_out": False,
            "only_service": None,
        }
        | {"reader": "", "display_name": "", "only_own": False, "deep": False, "dead_link": None, "shared_at": None}
        | {"cli": "superlearner", "learning": PARTS, "no_admin": False, "static": _static, "modules": _modules}
    )
    return templates


@pass_context
def _static(context: Context, path: str) -> str:
    return context["root"] + FILES.url(path)


@pass_context
def _modules(context: Context, *entries: str) -> Markup:
    def lines(form: str, paths: Iterable[str]) -> list[Markup]:
        return [Markup(form).format(_static(context, path)) for path in paths]

    preloads = lines('<link rel="modulepreload" href="{}">', FILES.modules(entries))
    scripts = lines('<script type="module" src="{}"></script>', entries)
    return Markup("\n").join(preloads + scripts)
