"""The walls that the parts make up; a missing required wall keeps a peer from starting."""

from __future__ import annotations

import pytest

from otp import BadArgument
from otp.peer import Part, WallMissing, Walls
from otp.peer.walls.plan import PARTS, REQUIRED, WALLS, walls_of

ALL = [Part(name, True, "ABI 7" if name == "landlock" else "") for name in PARTS]


def with_only(*names: str, abi: int = 7) -> dict[str, bool]:
    """Return the walls that are up if only these parts are."""
    parts = [Part(name, name in names, f"ABI {abi}" if name == "landlock" else "not here") for name in PARTS]
    return {name: wall.up for name, wall in walls_of(parts).items()}


def test_with_all_parts_every_wall_stands() -> None:
    assert dict.fromkeys(WALLS, True) == {name: wall.up for name, wall in walls_of(ALL).items()}


def test_without_any_part_no_wall_stands_and_each_says_why() -> None:
    walls = walls_of([Part(name, False, "not here") for name in PARTS])
    assert [] == [name for name, wall in walls.items() if wall.up]
    assert [] == [name for name, wall in walls.items() if "not here" not in wall.why_not]


@pytest.mark.parametrize(("abi", "network", "signals"), [(3, False, False), (4, True, False), (6, True, True)])
def test_landlock_holds_up_what_its_abi_knows(abi: int, network: bool, signals: bool) -> None:
    up = with_only("landlock", abi=abi)
    assert (True, network, signals) == (up["files"], up["network"], up["signals"])


def test_processes_are_counted_only_where_the_account_or_the_namespace_is_the_peers_own() -> None:
    assert not with_only("limits")["processes"]
    assert with_only("limits", "uid")["processes"]
    assert with_only("limits", "user")["processes"]
    assert not with_only("uid", "user")["processes"]


def test_a_missing_wall_is_named_with_its_reason() -> None:
    walls = walls_of([part for part in ALL if part.name != "limits"])
    error = WallMissing(Walls().missing(walls))
    assert ("wall_missing", ("memory", "cpu", "processes")) == error.reason
    assert "memory (no limits: not tried)" in str(error)


def test_what_is_not_required_may_be_missing() -> None:
    walls = walls_of([part for part in ALL if part.name != "seccomp"])
    assert not walls["calls"].up
    assert [] == Walls().missing(walls)
    assert "calls" not in REQUIRED


@pytest.mark.parametrize("wrong", [{"required": frozenset({"fire"})}, {"without": frozenset({"fire"})}])
def test_a_name_that_is_no_wall_is_refused(wrong: dict[str, frozenset[str]]) -> None:
    with pytest.raises(BadArgument, match="got fire"):
        Walls(**wrong)  # type: ignore[arg-type]
