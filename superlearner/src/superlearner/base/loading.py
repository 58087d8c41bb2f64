"""Load `FILE.py:Name`, a Supervisor or Application class of the user.

LoadError (Exception)    .message says what is wrong, .hint what to try
NotStarted (Exception)   the class was found but does not start
"""

from __future__ import annotations

import difflib
import importlib.util
import sys
import traceback
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Literal

from otp import Application, DynamicSupervisor, Supervisor
from otp.code import run_import
from otp.redaction import source_line, without_secrets
from superlearner.base.commands import command

__all__ = ["LoadError", "Loaded", "TreeNotStarted", "check", "kind_of", "load", "name_of"]

EXAMPLE = command("run", "shop/app.py:Shop")


class LoadError(Exception):
    """The target that the user named cannot be run.

    Attributes:
        message: what is wrong, with the line in the user's file if there is one.
        hint: what to try.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message}\n{hint}".rstrip())
        self.message = message
        self.hint = hint


class TreeNotStarted(Exception):
    """The user's tree or its program does not start; the text explains why."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The class to run: `cls` of `kind`, found in the file `path`."""

    cls: type
    kind: Literal["supervisor", "application"]
    path: Path

    @property
    def name(self) -> str:
        """Return the name of the tree as pages show it."""
        return self.cls.__name__


def name_of(target: str) -> str:
    """Return the name of the tree of `FILE.py:Name`, without opening the file."""
    file, _, name = target.rpartition(":")
    return name if file and name.isidentifier() else Path(target).name


def check(target: str) -> None:
    """Check the syntax of the file of `target` without running it.

    Raises:
        LoadError: as for `load`, if the file does not exist or is not valid Python.
    """
    path = _split(target)[0].resolve()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are shown when it is imported
            compile(path.read_bytes(), path, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise LoadError(f"{path.name} cannot be imported\n{_where(error, path)}") from None


def load(target: str) -> Loaded:
    """Import the file of `target` and return its class.

    `target` is `FILE.py:Name`, or `FILE.py` if the file has one candidate.

    Raises:
        LoadError: there is no such file, it cannot be imported, it has no such name, or the name is of something else.
    """
    path, name = _split(target)
    module = _import_file(path)
    candidates = _candidates(module)
    if name is None:
        return _only_candidate(path, candidates)
    if not hasattr(module, name):
        raise _no_such_name(path, module, name, candidates)
    found: object = getattr(module, name)
    kind = kind_of(found)
    if kind is None or not isinstance(found, type):
        raise _wrong_kind(path, name, found, candidates)
    return Loaded(found, kind, path)


def _split(target: str) -> tuple[Path, str | None]:
    file, colon, name = target.rpartition(":")
    if not colon or len(file) <= 1 or "/" in name or "\\" in name:  # no colon, or only that of a drive letter
        file, name = target, ""
    if colon and file != target and not name:
        raise LoadError(f"expected FILE.py:Name, got {target!r}: the name is empty", f"try `{EXAMPLE}`")
    path = Path(file)
    if path.is_dir():
        raise LoadError(f"expected a Python file, got the folder {file}", f"try `{EXAMPLE}`")
    if not path.is_file():
        raise LoadError(f"there is no file {file}", _similar_file(path))
    if path.suffix != ".py":
        raise LoadError(f"expected a file that ends with .py, got {file}", f"try `{EXAMPLE}`")
    return path, name or None


def _similar_file(path: Path) -> str:
    folder = path.parent
    found = {entry.stem: entry for entry in folder.iterdir() if entry.suffix == ".py"} if folder.is_dir() else {}
    close = difflib.get_close_matches(path.stem, found, n=1, cutoff=0.7)  # ".py" is similar in all of them
    if close:
        return f"did you mean {found[close[0]]}?"
    return f"the folder searched is {folder.resolve()}"


def _import_file(path: Path) -> ModuleType:
    """Import the file as a module, with its folder importable, as `python FILE.py`."""
    path = path.resolve()
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)
    # A user's `shop.py` must neither be taken for nor replace a module that is already loaded.
    name = path.stem if path.stem not in sys.modules else f"superlearner_app_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise LoadError(f"Python cannot import {path}", "try a file that ends with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        run_import(partial(spec.loader.exec_module, module))
    except SystemExit as error:
        sys.modules.pop(name, None)
        raise LoadError(
            f"{path.name} ends the program while it is imported (exit code {error.code!r})",
            "put what runs the program under: if __name__ == '__main__':",
        ) from None
    except Exception as error:
        sys.modules.pop(name, None)
        raise LoadError(f"{path.name} cannot be imported\n{_where(error, path)}") from error
    return module


def _where(error: BaseException, path: Path) -> str:
    """Return the last line of the user's file in the traceback, and the error."""
    text = without_secrets("".join(traceback.format_exception_only(error)).strip()).replace("\n", "\n  ")
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"  {text}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    match getattr(error, "otp_place", None):
        case (str(file), int(number)) if file == str(path):  # a callback that its class definition rejects
            lines.append(number)
        case _:
            pass
    if not lines:
        return f"  {text}"
    line = source_line(str(path), lines[-1] or 0)
    return f"  {path}, line {lines[-1]}:\n      {line}\n  {text}"


def kind_of(found: object) -> Literal["supervisor", "application"] | None:
    """Return the kind of tree that a class is; None if it is none, or part of `otp`.

    >>> from superlearner.demo import Shop
    >>> kind_of(Shop), kind_of(Supervisor)
    ('supervisor', None)
    """
    if not isinstance(found, type) or found in (Supervisor, DynamicSupervisor, Application):
        return None
    if issubclass(found, Application):
        return "application"
    if issubclass(found, Supervisor | DynamicSupervisor):
        return "supervisor"
    return None


def _candidates(module: ModuleType) -> dict[str, type]:
    """Return the Supervisors and Applications defined in the file itself, in order."""
    return {
        name: value
        for name, value in vars(module).items()
        if kind_of(value) is not None and getattr(value, "__module__", None) == module.__name__
    }


def _only_candidate(path: Path, candidates: dict[str, type]) -> Loaded:
    applications = {name: cls for name, cls in candidates.items() if kind_of(cls) == "application"}
    for group in ({"Main": candidates["Main"]} if "Main" in candidates else {}, applications, candidates):
        if len(group) == 1:
            cls = next(iter(group.values()))
            return Loaded(cls, kind_of(cls) or "supervisor", path)
    if not candidates:
        raise LoadError(
            f"{path} defines no Supervisor and no Application",
            f"try a class that derives from otp.Supervisor, then `{EXAMPLE}`",
        )
    raise LoadError(
        f"{path} defines {len(candidates)} classes that could be the root of its tree: {', '.join(candidates)}",
        f"name one: `{_run(path, candidates)}`",
    )


def _no_such_name(path: Path, module: ModuleType, name: str, candidates: dict[str, type]) -> LoadError:
    known = list(candidates) or [key for key in vars(module) if not key.startswith("_")]
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return LoadError(f"{path} has no name {name!r}", f"did you mean {path}:{close[0]}?")
    return LoadError(f"{path} has no name {name!r}", _describe_candidates(path, candidates))


def _wrong_kind(path: Path, name: str, found: object, candidates: dict[str, type]) -> LoadError:
    got = (
        f"the class {name}({', '.join(b.__name__ for b in found.__bases__)})"
        if isinstance(found, type)
        else (f"{name}, a {type(found).__name__}")
    )
    return LoadError(
        f"expected a Supervisor or an Application, got {got} of {path}",
        _describe_candidates(path, candidates) or f"put it under a supervisor: Children([{name}])",
    )


def _run(path: Path, candidates: dict[str, type]) -> str:
    return command("run", f"{path}:{next(iter(candidates))}")


def _describe_candidates(path: Path, candidates: dict[str, type]) -> str:
    if not candidates:
        return f"{path} defines no Supervisor and no Application; a tree is a class that derives from otp.Supervisor"
    return f"{path} defines: {', '.join(candidates)}; try `{_run(path, candidates)}`"
