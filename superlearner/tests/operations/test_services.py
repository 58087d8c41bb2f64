"""Operations receive exactly the services that their signatures name."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import fields
from typing import Any

import pytest

import otp
from superlearner.app.running import RunningPlatform
from superlearner.base.listening import Listener
from superlearner.base.telemetry import Telemetry
from superlearner.nodes.nodes import Nodes
from superlearner.observing.tracing import Traces
from superlearner.operations.context import Context
from superlearner.operations.declaration import DeclarationError, Operation, declared, operation
from superlearner.operations.engine.audit import AuditLog
from superlearner.operations.engine.execution import execute
from superlearner.operations.engine.registry import Registry, all_operations
from superlearner.operations.engine.services import Services
from superlearner.operations.rights.users import OWNER
from superlearner.settings.settings import Settings
from superlearner.web.platform import Platform

MOST_SERVICES = 4


class Tide:
    """A service for these tests."""

    def __init__(self, level: int) -> None:
        self.level = level


@operation("tide.level", http=("GET", "/tide"), scope="read", on="platform")
async def level(ctx: Context, tide: Tide, low: Tide | None, /, above: int = 0) -> list[Any]:
    """Show the level."""
    return [ctx.user.name, tide.level - above, low is None]


@operation("tide.clock", http=("GET", "/tide/clock"), scope="read", on="platform")
async def clock(tide: Tide, /) -> int:
    """Show the level alone."""
    return tide.level


def of(function: Any) -> Operation:
    found = declared(function)
    assert found is not None
    return found


def services_with(**provided: Tide | None) -> Services:
    services = Services()
    services.provide(AuditLog, AuditLog)
    services.provide(Telemetry, Telemetry)
    for tide in provided.values():
        services.provide(Tide, lambda tide=tide: tide)
    return services


def platform_with(operations: Registry) -> Platform:
    with closing(Listener.bind("127.0.0.1", 0)) as listener:
        platform = Platform(otp.Node("here@127.0.0.1"), Settings(browser=False), listener, arsenal=operations)
        RunningPlatform(platform, ())
        return platform


def answer(services: Services, function: Any, **parameters: Any) -> Any:
    nodes = Nodes(otp.Node("here@127.0.0.1"), Settings)
    return asyncio.run(execute(services, of(function), Context(nodes, OWNER), parameters)).data


def test_an_operation_gets_the_services_named_before_the_slash() -> None:
    assert answer(services_with(tide=Tide(7)), level, above=2) == ["owner", 5, False]


def test_an_operation_needs_no_context() -> None:
    assert answer(services_with(tide=Tide(7)), clock) == 7


def test_callers_see_only_the_parameters_after_the_slash() -> None:
    assert [one.name for one in of(level).parameters] == ["above"]
    assert list(of(level).schema()["properties"]) == ["above"]


def test_without_a_slash_the_first_parameter_is_the_context() -> None:
    @operation("tide.who", http=("GET", "/tide/who"), scope="read", on="platform")
    async def who(ctx, times: int = 1) -> str:  # type: ignore[no-untyped-def]
        """Return the name of the caller."""
        return ctx.user.name * times

    assert [one.name for one in of(who).parameters] == ["times"]
    assert answer(services_with(), who, times=2) == "ownerowner"


def test_a_missing_service_is_none_if_the_operation_allows_it() -> None:
    @operation("tide.low", http=("GET", "/tide/low"), scope="read", on="platform")
    async def low(tide: Tide | None, /) -> bool:
        """Return whether there is a tide."""
        return tide is not None

    assert answer(services_with(tide=None), low) is False
    with pytest.raises(LookupError, match="expected a service of the platform, got Tide"):
        answer(services_with(tide=None), clock)


def test_a_platform_does_not_start_with_an_operation_whose_service_is_unknown() -> None:
    expected = r"operation 'tide.level' of .*: expected services of Accounts, .*, got 'Tide'"
    with pytest.raises(DeclarationError, match=expected):
        platform_with(Registry([of(level)]))


def test_only_service_types_may_be_named_before_the_slash() -> None:
    with pytest.raises(DeclarationError, match="expected the type of a service for each parameter before the /, got"):

        @operation("tide.odd", http=("GET", "/tide/odd"), scope="read")
        async def odd(ctx: Context, levels: list[int] | int | None, /) -> str:  # pyright: ignore[reportUnusedFunction]
            """Do it."""
            return ""


def test_no_operation_of_ours_gets_the_whole_platform() -> None:
    ours = all_operations()
    platform = platform_with(ours)
    with pytest.raises(LookupError):
        platform.services.get(Platform)
    assert "platform" not in [field.name for field in fields(Context)]
    platform.services.check(ours)
    named = {one.name: [use.kind for use in one.services if use.kind is not Context] for one in ours}
    assert Traces in named["trace.list"]
    assert [] == [name for name, kinds in named.items() if len(kinds) > MOST_SERVICES]
