"""Texts of messages and ends in the words of a lesson, for the diagram of a verdict."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["END_SIGNAL", "describe_failed_start", "readable"]

END_SIGNAL: Final = "ExitSignal("
"""The beginning of the text of the message that a process gets when a linked one has ended."""

CODE: Final = re.compile(
    r"<(?:function|class|built-in function|(?:bound )?method) '?((?:[\w.]|<\w+>)+(?:<\w*(?=…))?)'?"
    r"(?: of <[^<>]*>)?(?:>|(?=…))"
)
REFERENCE: Final = re.compile(r"#Ref<(?:\d+\.)*(\d+)>")
ENDED: Final = re.compile(r"(ExitSignal\(pid=|Down\(ref=[^,]*, item=)(.*?), reason=(.*)\)", re.DOTALL)
CHILD: Final = re.compile(r"ChildSpec\(id=([^,]*), [^()]*(?:\((?:[^()]|\([^()]*\))*\)[^()]*)*(?:\)|$)")
START_FAILED: Final = ("start_spec",), ("bad_start_spec",)


def readable(text: str) -> str:
    """Return the text of a message without the names of fields, and without what only the library reads.

    >>> readable("ExitSignal(pid=ann, reason='killed')"), readable("Down(ref=#Ref<0.0.2>, item=bob, reason='normal')")
    ("exit signal: ann ended with 'killed'", "Down: bob ended with 'normal'")
    >>> readable("('update', <function add_one>)"), readable("('update', <function put.<locals>.<lambda>>)")
    ("('update', add_one)", "('update', a function)")
    >>> readable("('update', <function keeps_any_value.<…"), readable("('status', check, #Ref<0.0.262>)")
    ("('update', a function…", "('status', check, ref 262)")
    >>> readable("[ChildSpec(id='stock', modules=None, start=(<method Stock.start_link>, 0), type='worker')]")
    "[child spec 'stock']"
    """
    text = CHILD.sub(r"child spec \1", CODE.sub(_name, text))
    if whole := ENDED.fullmatch(text):
        what = "exit signal" if text.startswith(END_SIGNAL) else "Down"
        text = f"{what}: {whole[2]} ended with {whole[3]}"
    return REFERENCE.sub(r"ref \1", text)


def _name(found: re.Match[str]) -> str:
    """Return what code calls a function or class; one without a name of its own is a function."""
    name = found[1].rpartition("<locals>.")[2].removeprefix("answer.")
    return "a function" if "<" in name else name


def describe_failed_start(reason: object) -> str:
    """Return in words that a supervisor could not start because of its children; "" for another end.

    >>> describe_failed_start(("start_spec", ("duplicate_child_name", "a"))), describe_failed_start("killed")
    ('does not start', '')
    """
    return "does not start" if type(reason) is tuple and reason[:1] in START_FAILED else ""
