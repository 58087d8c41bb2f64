"""A run of Schemathesis: send valid and invalid values to the API and compare its answers with the OpenAPI document."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

__all__ = ["Report", "run"]

HERE = Path(__file__).parent
PHASES = ("examples", "coverage", "fuzzing", "stateful")
MOST_S = 120.0
"""In which the document comes, on a machine that does other things; Schemathesis itself waits 10 s."""


@dataclass(frozen=True)
class Report:
    """The result: `code` 0 without a finding, the text for people, the figures for tests."""

    code: int
    text: str
    figures: dict[str, Any]

    @property
    def findings(self) -> list[str]:
        """Each kind of finding with the operations it was made at."""
        failures = [f"{one['title']}: {', '.join(one['operations'])}" for one in self.figures["failures"]]
        return failures + [json.dumps(one)[:500] for one in self.figures["errors"]]

    @property
    def accepted(self) -> dict[str, int]:
        """Return how often each operation (`GET /path`) accepted a generated request."""
        rates = self.figures["valid_rates"]
        return {name: sum(phase["accepted"] for phase in phases.values()) for name, phases in rates.items()}


def run(url: str, token: str, *, examples: int = 15, seed: int = 1, only: tuple[str, ...] = ()) -> Report:
    """Ask every operation of the platform at `url`.

    Args:
        url: where it is; it should have nothing to lose.
        token: the owner's, so that all scopes are there.
        examples: at most so many random requests an operation, besides the systematic ones.
        seed: another one asks other questions.
        only: ids of the operations to ask; all of them by default.
    """
    document = f"{url}/api/v1/arsenal/docs"
    authorization = f"Bearer {token}"
    httpx.get(document, headers={"Authorization": authorization}, timeout=MOST_S).raise_for_status()  # kept from now on
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "report.json")
        command = [
            str(Path(sys.executable).with_name("st")), "--config-file", str(HERE / "schemathesis.toml"),
            "run", document, "--header", f"Authorization: {authorization}",
            "--phases", ",".join(PHASES), "--max-examples", str(examples), "--seed", str(seed),
            "--request-timeout", "30", "--no-shrink", "--generation-database", ":memory:", "--no-color",
            "--report", "json", "--report-json-path", str(figures),
            *(word for name in only for word in ("--include-operation-id", name)),
        ]  # fmt: skip
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if not figures.exists():
            raise RuntimeError(f"Schemathesis did not get so far as to write a report: {done.stdout}{done.stderr}")
        return Report(done.returncode, done.stdout + done.stderr, json.loads(figures.read_text(encoding="utf-8")))
