"""The library's import contract can fail: it names all other modules."""

from __future__ import annotations

from grimp import ImportGraph
from tools.contracts import StandardLibraryOnly


def strangers(*imports: tuple[str, str], extras: tuple[str, ...] = ()) -> list[str]:
    graph = ImportGraph()
    for module in ("otp", "otp.kernel"):
        graph.add_module(module)
    for importer, imported in imports:
        graph.add_import(importer=importer, imported=imported)
    options = {"packages": ["otp"], "extras": list(extras)}
    contract = StandardLibraryOnly(name="alone", session_options={"root_packages": ["otp"]}, contract_options=options)
    return contract.check(graph, verbose=False).metadata["strangers"]


def test_the_library_and_the_standard_library_are_allowed() -> None:
    assert [] == strangers(("otp", "otp.kernel"), ("otp.kernel", "asyncio"), ("otp.kernel", "collections.abc"))


def test_any_other_module_is_named() -> None:
    assert ["otp.kernel -> msgspec"] == strangers(("otp.kernel", "msgspec"))
    assert ["otp -> superlearner"] == strangers(("otp", "superlearner"))


def test_a_package_whose_name_only_begins_with_ours_is_refused() -> None:
    assert ["otp -> otpx"] == strangers(("otp", "otpx"))


def test_an_extra_belongs_to_the_module_that_it_was_given_to() -> None:
    extras = ("otp.kernel -> msgspec",)
    assert ["otp -> msgspec"] == strangers(("otp.kernel", "msgspec"), ("otp", "msgspec"), extras=extras)
