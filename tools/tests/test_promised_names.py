"""The names that others import stay importable; see `tools.promised_names`."""

from __future__ import annotations

from tools.promised_names import collect, is_importable, read_record


def test_every_recorded_name_can_be_imported() -> None:
    assert [] == sorted(name for name in read_record() if not is_importable(name))


def test_the_record_has_what_the_documentation_imports_and_plug_ins_use() -> None:
    """A page with a new import is recorded by `python -m tools.promised_names --add`."""
    assert [] == sorted(name for name in collect() - read_record() if name.startswith("superlearner"))


def test_a_name_that_is_missing_is_noticed() -> None:
    missing = ["otp:Nothing", "otp.nothing:", "otp:GenServer.nothing", "superlearner.nothing:Nothing"]
    assert [] == [name for name in missing if is_importable(name)]


def test_members_of_exported_classes_are_recorded() -> None:
    expected = {"otp:GenServer.call", "otp.observer:NodeView.supervision_tree", "otp.observer:Opaque.text"}
    assert expected <= read_record()
