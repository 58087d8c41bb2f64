"""The registry of all operations of a platform, including those of plug-ins."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from superlearner import operations
from superlearner.operations.context import Context
from superlearner.operations.declaration import DeclarationError, declared, operation
from superlearner.operations.engine import registry
from superlearner.operations.engine.registry import Registry, all_operations


def module_of(name: str, **operations: tuple[str, tuple[Any, str]]) -> ModuleType:
    made = ModuleType(name)
    for attribute, (operation_name, http) in operations.items():

        async def function(ctx: Context) -> str:
            """Do it."""
            return "done"

        function.__module__ = name
        setattr(made, attribute, operation(operation_name, http=http, scope="read")(function))
    return made


class Entry:
    """An entry point of an installed package."""

    name = "plug_in"
    value = "plug_in.operations"

    def __init__(self, load: Any) -> None:
        self.load = load


def with_plug_in(monkeypatch: pytest.MonkeyPatch, load: Any) -> None:
    def found(*, group: str) -> list[Entry]:
        assert group == "superlearner.operations"
        return [Entry(load)]

    monkeypatch.setattr(registry, "entry_points", found)


def test_hints_name_routes_or_commands_and_no_operations() -> None:
    """Regression: `see state.backups`, which can be neither typed nor sent."""
    names = "|".join(re.escape(one.name) for one in all_operations())
    named = re.compile(rf"hint\s*=\s*f?\"[^\"'`]*(?<![\w/.-])({names})(?![\w.])")
    folder = Path(operations.__file__).parent
    assert [] == [found[0] for file in folder.rglob("*.py") for found in named.finditer(file.read_text())]


def test_the_platforms_own_operations_are_found_and_ordered_by_name() -> None:
    names = [one.name for one in all_operations()]
    assert names == sorted(names)
    assert {"process.kill", "supervisor.list", "arsenal.operations"} <= set(names)


def test_an_installed_package_adds_its_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    module = module_of("plug_in.operations", wave=("thing.wave", ("GET", "/things/wave")))
    with_plug_in(monkeypatch, lambda: module)
    found = all_operations().get("thing.wave")
    assert found is declared(module.wave)


@pytest.mark.parametrize(
    ("name", "http"),
    [("process.list", ("GET", "/other")), ("thing.list", ("GET", "/processes"))],
)
def test_a_duplicate_name_or_route_prevents_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, http: tuple[str, str]
) -> None:
    with_plug_in(monkeypatch, lambda: module_of("plug_in.operations", one=(name, http)))
    with pytest.raises(DeclarationError, match=r"'.*' of plug_in\.operations: .* clashes with 'process\.") as refused:
        all_operations()
    assert "superlearner.operations.builtin.processes" in str(refused.value)


def test_a_package_that_cannot_be_loaded_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ImportError("no module named gone")

    with_plug_in(monkeypatch, broken)
    with pytest.raises(DeclarationError, match=r"plug_in\.operations \(plug_in\) cannot be loaded: .*gone"):
        all_operations()


def test_an_entry_point_that_is_not_a_module_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_plug_in(monkeypatch, lambda: 42)
    with pytest.raises(DeclarationError, match="expected a module, got 42"):
        all_operations()


def test_an_imported_operation_belongs_to_the_module_that_declared_it() -> None:
    first = module_of("first", one=("thing.one", ("GET", "/one")))
    second = ModuleType("second")
    second.one = first.one  # type: ignore[attr-defined]
    assert [one.name for one in registry.of_module(first)] == ["thing.one"]
    assert list(registry.of_module(second)) == []


def test_a_registry_counts_and_finds() -> None:
    (found,) = registry.of_module(module_of("m", one=("thing.one", ("GET", "/one"))))
    made = Registry([found])
    assert (len(made), made.get("thing.one"), made.get("thing.two")) == (1, found, None)
