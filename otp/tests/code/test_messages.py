"""References to a reloaded module elsewhere: messages of its old classes, and the module object itself."""

from __future__ import annotations

import importlib
from typing import Any

from otp import GenServer, code

MESSAGES = """
from dataclasses import dataclass
@dataclass
class Add:
    n: int
class Adder(GenServer):
    @impl
    def init(self, arg):
        return Ok(arg)
    @impl
    def handle_call(self, request, caller, state):
        match request:
            case Add(n=n):
                return Reply("class", state)
            case ("add", n):
                return Reply("tuple", state)
            case _:
                return Reply("unknown", state)
"""


def test_a_message_survives_an_upgrade_if_its_class_is_not_of_the_reloaded_module(source: Any, run: Any) -> None:
    """Decided: a class statement that ran twice made two classes, as everywhere in Python."""
    shop = source(MESSAGES)

    async def main() -> None:
        old = shop.module.Add
        adder = await shop.module.Adder.start_link(0)
        assert "class" == await GenServer.call(adder, old(1))
        await code.reload(shop.module)
        assert "tuple" == await GenServer.call(adder, ("add", 1))
        assert "class" == await GenServer.call(adder, shop.module.Add(1))
        assert "class" == await GenServer.call(adder, code.latest(old)(1))
        assert "unknown" == await GenServer.call(adder, old(1))

    run(main)


def test_a_module_object_shows_the_newest_version_to_whoever_imported_it(source: Any, run: Any) -> None:
    shop = source("N = 1\nM = 1\n")

    async def main() -> None:
        shop.write("N = 2\n")
        await code.reload("upgraded_module")
        assert importlib.import_module("upgraded_module") is shop.module
        assert (2, False) == (shop.module.N, hasattr(shop.module, "M"))
        shop.module.N = 3
        assert 3 == vars(shop.module)["N"]

    run(main)
