"""The figures of the layout count what they say."""

from __future__ import annotations

from pathlib import Path

import pytest
from tools import house
from tools.files import ROOT


def written(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return root


KERNEL = {
    "otp/src/otp/kernel/__init__.py": "",
    "otp/src/otp/kernel/values/__init__.py": "",
    "otp/src/otp/kernel/values/pids.py": "class Pid:\n    __slots__ = ('_node', 'name')\n",
    "otp/src/otp/kernel/ends/__init__.py": "",
    "otp/src/otp/kernel/ends/death.py": "from otp.kernel.values.pids import Pid\n",
}


def test_imports_between_files_of_the_kernel_are_floors(tmp_path: Path) -> None:
    assert house.kernel(written(tmp_path, KERNEL)) == house.Kernel(files=5, folders=2, floors=2, up=0)


def test_an_import_of_a_higher_folder_is_an_arrow_up_and_an_annotation_is_none(tmp_path: Path) -> None:
    files = {
        **KERNEL,
        "otp/src/otp/kernel/values/up.py": "from otp.kernel.ends import death\n",
        "otp/src/otp/kernel/values/hint.py": "if TYPE_CHECKING:\n    from otp.kernel.ends import death\n",
    }
    assert house.kernel(written(tmp_path, files)).up == 1


def test_private_names_of_the_kernel_are_counted_outside_it(tmp_path: Path) -> None:
    files = {
        **KERNEL,
        "otp/src/otp/uses.py": "def look(pid):\n    return pid._node, pid.name, pid._mine\n",
        "otp/src/otp/own.py": "class Own:\n    def __init__(self, other):\n        self._node = other._node\n",
    }
    assert house.private_names(written(tmp_path, files)) == 1


def test_vendored_scripts_are_not_counted(tmp_path: Path) -> None:
    files = {
        "otp/src/otp/a.py": "a = 1\nb = 2\n",
        "superlearner/src/superlearner/web/static/page.js": "// ü\n",
        "superlearner/src/superlearner/web/static/vendor/large.js": "large()\n",
    }
    assert house.sizes(written(tmp_path, files)) == (2, 5)


def test_words_of_decisions_conformance_dependencies_and_figures_are_not_counted(tmp_path: Path) -> None:
    pages = ("a", "behaviours/b", "decisions/0001-c", "conformance", "dependencies", "web-performance")
    root = written(tmp_path, {f"docs/{page}.md": "two words\n" for page in pages})
    assert house.words(root) == {"a.md": 2, "behaviours/b.md": 2}


def test_arrows_between_rooms_are_those_of_this_checkout() -> None:
    arrows, up = house.rooms(ROOT)
    assert arrows > len(up)
    assert all(" → " in arrow for arrow in up)


@pytest.mark.program
def test_a_kill_is_followed_to_its_answer_and_to_its_frame() -> None:
    answer, frame = ({Path(file).relative_to(ROOT).as_posix() for file in files} for files in house.kill(ROOT, kills=1))
    # On a busy machine the client may read its answer after the viewer has the frame: neither is always smaller
    assert "superlearner/src/superlearner/operations/builtin/processes.py" in answer
    assert "otp/src/otp/behaviours/supervisor/child_start.py" in frame
