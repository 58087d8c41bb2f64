"""The templates that a sandbox can be started from."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

__all__ = ["Template", "TemplateId", "template", "templates"]

FOLDER: Final = Path(__file__).parent / "templates"
TemplateId = Literal["counter", "pipeline", "stack", "rooms", "agents", "workbench"]
"""The templates, the simplest first."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template; its docstring is the title, then what to try."""

    id: TemplateId
    title: str
    about: str
    text: str


def templates() -> list[Template]:
    """Return all templates, the simplest first.

    >>> [one.title for one in templates()][0]
    'A counter that can crash'
    """
    return [template(name) for name in get_args(TemplateId)]


def template(name: TemplateId) -> Template:
    """Return a template.

    >>> template("counter").title
    'A counter that can crash'
    """
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    title, _, about = (ast.get_docstring(ast.parse(text)) or "").partition("\n\n")
    return Template(name, title, " ".join(about.split()), text)
