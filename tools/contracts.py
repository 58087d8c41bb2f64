"""Import contract for a package that uses the standard library alone.

import-linter can forbid named modules; this contract forbids all modules that are not named, so new dependencies are
found as well.
"""

from __future__ import annotations

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """Contract: ``packages`` import only themselves and the standard library.

    ``extras`` are exceptions, ``module -> external``.
    """

    packages = fields.ListField(subfield=fields.StringField())
    extras = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        allowed = {tuple(part.strip() for part in extra.split("->")) for extra in self.extras}  # type: ignore[attr-defined]
        strangers: list[str] = []
        for package in self.packages:  # type: ignore[attr-defined]
            inside = {package, *graph.find_descendants(package)}
            for module in sorted(inside):
                for imported in sorted(graph.find_modules_directly_imported_by(module)):
                    top = imported.partition(".")[0]
                    if imported in inside or top in sys.stdlib_module_names or (module, top) in allowed:
                        continue
                    strangers.append(f"{module} -> {imported}")
        return ContractCheck(kept=not strangers, metadata={"strangers": strangers})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["strangers"]:
            output.print_error(f"{line}: expected a module of the standard library", bold=False)
