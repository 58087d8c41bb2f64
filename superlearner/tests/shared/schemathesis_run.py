"""A run of Schemathesis against the API and its OpenAPI document."""

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

__all__ = ["PHASES", "Report", "run"]

HERE = Path(__file__).parent
PHASES = ("examples", "coverage", "fuzzing", "stateful")
MOST_S = 120.0
"""Time limit of a request on a busy machine, where generating data may also be slow. The tests do not measure time."""


@dataclass(frozen=True)
class Report:
    """The result: `code` 0 without findings, text for people, figures for tests."""

    code: int
    text: str
    figures: dict[str, Any]

    @property
    def findings(self) -> list[str]:
        """Return each kind of finding with its operations."""
        failures = [f"{one['title']}: {', '.join(one['operations'])}" for one in self.figures["failures"]]
        return failures + [json.dumps(one)[:500] for one in self.figures["errors"]]

    def explain(self) -> str:
        """Return the findings, then the text: a long output loses its middle."""
        return "\n".join((*self.findings, self.text))

    @property
    def accepted(self) -> dict[str, int]:
        """Return the number of accepted generated requests per operation (`GET /path`)."""
        rates = self.figures["valid_rates"]
        return {name: sum(phase["accepted"] for phase in phases.values()) for name, phases in rates.items()}


def run(
    url: str,
    token: str | None,
    *,
    examples: int = 15,
    seed: int = 1,
    only: tuple[str, ...] = (),
    forced_at: tuple[str, ...] = (),
    phases: tuple[str, ...] = PHASES,
) -> Report:
    """Send requests to every operation of the platform at `url`.

    Args:
        url: address of the platform; its data may be lost.
        token: a token, the owner's for all scopes; None sends no credential.
        examples: maximum of random requests per operation, in addition to systematic ones.
        seed: seed of the generated requests.
        only: ids of the operations to test; all by default.
        forced_at: processes that half of the requests with `force` name; without them no request has it.
        phases: the kinds of generated requests.
    """
    document = f"{url}/api/v1/arsenal/docs"
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    built = httpx.get(document, headers=headers, timeout=MOST_S)
    if built.status_code == httpx.codes.GATEWAY_TIMEOUT:  # building it takes long on a busy machine
        built = httpx.get(document, headers=headers, timeout=MOST_S)
    built.raise_for_status()  # cached from now on
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder, "report.json")
        command = [
            str(Path(sys.executable).with_name("st")), "--config-file", str(HERE / "schemathesis.toml"),
            "run", document, *(word for name, value in headers.items() for word in ("--header", f"{name}: {value}")),
            "--phases", ",".join(phases), "--max-examples", str(examples), "--seed", str(seed),
            "--request-timeout", str(MOST_S), "--suppress-health-check", "too_slow",
            "--no-shrink", "--generation-database", ":memory:", "--no-color",
            "--report", "json", "--report-json-path", str(figures),
            *(word for name in only for word in ("--include-operation-id", name)),
        ]  # fmt: skip
        environment = {**os.environ, "SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HERE)}
        environment |= {"FORCED_AT": ",".join(forced_at), "ANONYMOUS": "1" if token is None else ""}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if not figures.exists():
            raise RuntimeError(f"Schemathesis did not write a report: {done.stdout}{done.stderr}")
        return Report(done.returncode, done.stdout + done.stderr, json.loads(figures.read_text(encoding="utf-8")))
