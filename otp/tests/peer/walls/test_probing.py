"""The walls of this system are determined by putting them up."""

from __future__ import annotations

import os
import sys

import pytest

from otp.peer import Walls, probe
from otp.peer.walls.plan import PARTS
from otp.peer.walls.privileges import UIDS, choose_uid

linux = pytest.mark.skipif(sys.platform != "linux", reason="walls are there on Linux only")


@linux
@pytest.mark.parametrize("part", ["landlock", "seccomp", "pid", "limits"])
def test_a_part_that_is_left_out_is_not_up_and_says_so(part: str) -> None:
    found = {each.name: each for each in probe(Walls(without=frozenset({part}))).parts}
    assert (False, "left out") == (found[part].up, found[part].detail)


@linux
def test_a_probe_answers_for_every_part() -> None:
    assert set(PARTS) == {part.name for part in probe().parts}


@linux
def test_without_limits_only_own_code_may_run() -> None:
    found = probe(Walls(without=frozenset({"limits"})))
    assert not found.untrusted
    assert "own code only: no wall for memory, cpu, processes" == str(found)


def test_elsewhere_than_on_linux_only_own_code_may_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    found = probe()
    assert not found.untrusted
    assert str(found).startswith("own code only: no wall for files, network, signals")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="accounts are chosen by root")
def test_root_chooses_an_account_that_nobody_else_has() -> None:
    chosen = choose_uid(())
    assert chosen is not None
    assert 5 == choose_uid({3, 4}, range(3, 6))
    assert chosen in UIDS or chosen in range(61_184, 65_520)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="accounts are chosen by root")
def test_there_is_no_account_where_all_are_taken() -> None:
    assert choose_uid({3, 4}, range(3, 5)) is None
