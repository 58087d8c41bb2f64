"""Error texts for failed starts begin with the reason."""

from __future__ import annotations

from typing import Any

import pytest

import otp
from otp import Children, GenServer, StartError, Supervisor, impl
from superlearner.control.failures import explain


class Till(GenServer[Any]):
    @impl
    def init(self, arg: Any) -> Any:
        return arg


class Top(Supervisor):
    @impl
    def init(self, arg: Any) -> Children:
        return Children([Till.child_spec(arg)])


def test_the_error_of_an_init_that_raises_keeps_its_lines() -> None:
    """Regression: it was `Crash(ValueError('one\\ntwo'))`."""

    class Raises(Supervisor):
        @impl
        def init(self, arg: Any) -> Children:
            raise ValueError("one\ntwo")

    async def main() -> str:
        otp.process_flag("trap_exit", True)
        with pytest.raises(StartError) as caught:
            await Raises.start_link(0)
        return explain(caught.value)

    said = otp.run(main)
    assert ["ValueError: one", "two"] == said.splitlines()[:2]
    assert f"  {__file__}, line" in said
    assert 'raise ValueError("one' in said


def test_the_error_for_an_invalid_result_of_init_names_the_child_and_valid_results() -> None:
    async def main() -> str:
        otp.process_flag("trap_exit", True)
        with pytest.raises(StartError) as caught:
            await Top.start_link(0)
        return explain(caught.value)

    said = "its child Till does not start\n  expected Ok(state), Stop(reason) or Ignore() from its init, got 0"
    assert said == otp.run(main)
