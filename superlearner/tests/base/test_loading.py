"""Loading of `FILE.py:Name`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import otp
from superlearner.base.loading import LoadError, check, load

TWO = """\
from otp import Application, Children, Supervisor, impl
from helper import NAME

class Shop(Supervisor):
    @impl
    def init(self, arg): return Children([])

class Bank(Supervisor):
    @impl
    def init(self, arg): return Children([])
"""
APPLICATION = """
class Program(Application):
    @impl
    async def start(self, kind, args): return await Shop.start_link(None)
"""


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    modules, path = set(sys.modules), list(sys.path)
    (tmp_path / "helper.py").write_text("NAME = 'x'\n")
    yield tmp_path / "trees_for_loading.py"
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def test_a_name_is_found_and_the_file_may_import_its_neighbours(file: Path) -> None:
    file.write_text(TWO)
    found = load(f"{file}:Bank")
    assert (found.name, found.kind, found.path) == ("Bank", "supervisor", file)


def test_an_application_is_found_too_and_is_what_a_file_means_without_a_name(file: Path) -> None:
    file.write_text(TWO + APPLICATION)
    assert load(f"{file}:Program").kind == "application"
    assert load(str(file)).name == "Program"


def test_main_is_what_a_file_means_without_a_name(file: Path) -> None:
    file.write_text(TWO.replace("class Bank", "class Main"))
    assert load(str(file)).name == "Main"


def test_a_file_with_two_trees_asks_which(file: Path) -> None:
    file.write_text(TWO)
    with pytest.raises(LoadError, match=r"2 classes that could be the root of its tree: Shop, Bank[\s\S]*Shop"):
        load(str(file))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoadError, match="folder"):
        load(str(tmp_path))


def test_another_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_text("")
    with pytest.raises(LoadError, match=r"ends with \.py"):
        load(f"{tmp_path / 'x.txt'}:X")


def test_an_error_deep_in_an_import_shows_the_line_of_the_persons_file(file: Path) -> None:
    (file.parent / "helper.py").write_text("NAME = 1 / 0\n")
    file.write_text(TWO)
    with pytest.raises(LoadError) as caught:
        load(f"{file}:Shop")
    assert "line 2:\n      from helper import NAME" in caught.value.message
    assert "ZeroDivisionError" in caught.value.message


def test_a_misspelt_callback_is_shown_with_its_own_line(file: Path) -> None:
    """Regression: it was shown with the line of its class."""
    file.write_text(
        TWO.replace("def init(self, arg): return Children([])\n\nclass", "def inti(self, arg): ...\n\nclass")
    )
    with pytest.raises(LoadError) as refused:
        load(f"{file}:Shop")
    assert f"{file}, line 6:\n      def inti(self, arg): ...\n" in refused.value.message
    assert "did you mean 'init'?" in refused.value.message


def test_a_file_that_ends_the_program_is_explained(file: Path) -> None:
    file.write_text("raise SystemExit(3)\n")
    with pytest.raises(LoadError, match="__main__"):
        load(f"{file}:Shop")


def test_a_file_named_like_a_loaded_module_does_not_replace_it(file: Path) -> None:
    other = file.with_name("json.py")
    other.write_text(TWO)
    before = sys.modules.get("json")
    assert load(f"{other}:Shop").name == "Shop"
    assert sys.modules.get("json") is before


def test_a_file_is_looked_at_without_running_it(tmp_path: Path) -> None:
    file = tmp_path / "shop.py"
    file.write_text("raise SystemExit(3)")
    check(f"{file}:Shop")
    file.write_text("def shop(:")
    with pytest.raises(LoadError) as found:
        check(f"{file}:Shop")
    with pytest.raises(LoadError) as loaded:
        load(f"{file}:Shop")
    assert str(found.value) == str(loaded.value)
    with pytest.raises(LoadError, match="there is no file"):
        check(f"{tmp_path / 'shpo.py'}:Shop")


RUNS = """
import asyncio
from otp import Children, Supervisor, impl

async def warm():
    await asyncio.sleep(0)
    return [await asyncio.to_thread(int, "1"), asyncio.current_task() is not None]

WARM = asyncio.run(warm())
loop = asyncio.new_event_loop()
WARM.append(loop.run_until_complete(asyncio.sleep(0, 2)))
loop.close()

class Shop(Supervisor):
    @impl
    def init(self, arg): return Children([])
"""


def load_in_a_process(file: Path) -> object:
    """Load a file where the program of a peer does: in a process of a node that runs."""

    async def main() -> object:
        me, task, loop = otp.self(), asyncio.current_task(), asyncio.get_running_loop()
        try:
            return load(f"{file}:Shop").cls
        finally:
            await asyncio.sleep(0)
            assert (me, task, loop) == (otp.self(), asyncio.current_task(), asyncio.get_running_loop())
            assert 42 == await otp.Agent.get(await otp.Agent.start(lambda: 42), lambda n: n)

    return otp.run(main)


def test_a_file_may_run_coroutines_while_it_is_imported(file: Path) -> None:
    """As it may where it is a program."""
    file.write_text(RUNS)
    assert "Shop" == getattr(load_in_a_process(file), "__name__", None)
    assert [1, True, 2] == sys.modules["trees_for_loading"].WARM


def test_a_file_that_is_a_program_without_a_guard_is_explained(file: Path) -> None:
    file.write_text(f"{RUNS}\nimport otp\notp.run(warm)\n")
    with pytest.raises(LoadError, match=r"if __name__ == '__main__': otp\.run"):
        load_in_a_process(file)
