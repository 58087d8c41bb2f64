"""The function around a line, even if its file has changed or is missing."""

from __future__ import annotations

from pathlib import Path

from superlearner.control.source_lines import lines_around

CODE = '''class Till:
    @property
    def total(self):
        """Two
        lines."""

        return "<b>"


after = 1
'''


def test_a_line_is_shown_with_its_whole_function(tmp_path: Path) -> None:
    file = tmp_path / "till.py"
    file.write_text(CODE)
    found = lines_around(str(file), 7)
    assert found is not None
    assert (found.first, found.name, len(found.lines)) == (2, "total", 6)
    assert "".join(text for _, text in found.lines[5]) == '        return "<b>"'
    assert found.lines[4] == ()
    outside = lines_around(str(file), 10)
    assert outside is not None
    assert (outside.first, outside.name, len(outside.lines)) == (1, None, 10)


def test_an_unreadable_file_gives_no_lines_and_a_broken_one_the_lines_nearby(tmp_path: Path) -> None:
    file = tmp_path / "broken.py"
    file.write_text("def (\n" + f"x = '{'w' * 5000}'\n" * 100)
    found = lines_around(str(file), 50)
    assert found is not None
    assert (found.first, found.name, len(found.lines)) == (38, None, 25)
    assert max(sum(len(text) for _, text in line) for line in found.lines) < 400
    assert lines_around(str(file), 1000) is None
    assert lines_around(str(tmp_path / "gone.py"), 1) is None


def test_a_long_function_is_cut_around_the_line(tmp_path: Path) -> None:
    file = tmp_path / "long.py"
    file.write_text("def long():\n" + "    x = 1\n" * 1000)
    found = lines_around(str(file), 600)
    assert found is not None
    assert (found.cut, found.first, len(found.lines)) == (True, 450, 300)


def test_a_file_that_is_slow_to_parse_gives_the_lines_nearby(tmp_path: Path) -> None:
    """Regression: 19,800 lines were parsed, which blocked the loop for a second."""
    file = tmp_path / "generated.py"
    file.write_text("def one():\n    return 1\n" * 9900)
    found = lines_around(str(file), 600)
    assert found is not None
    assert (found.name, found.first, len(found.lines)) == (None, 588, 25)
