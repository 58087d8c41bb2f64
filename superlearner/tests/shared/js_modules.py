"""The pure modules of the pages, run by Node, for tests that compare them with Python."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import playwright

import superlearner

STATIC: Final = Path(superlearner.__file__).parent / "web/static"
NODE: Final = Path(playwright.__file__).parent / "driver/node"
PROGRAM: Final = """
import { createInterface } from "node:readline";
const [folder, ...names] = process.argv.slice(1);
for (const name of names) Object.assign(globalThis, await import(`file://${folder}/${name}.js`));
for await (const line of createInterface({ input: process.stdin })) {
  const [text, given] = JSON.parse(line);
  let answer;
  try {
    const found = (0, eval)(text);
    answer = { value: await (typeof found === "function" ? found(given) : found) ?? null };
  } catch (error) {
    answer = { error: String(error.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\\n");
}
"""


class JsModules:
    """Evaluates expressions in which everything that the modules export has its name."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def evaluate(self, text: str, given: object = None) -> Any:
        """Return the value of an expression, or of a function called with `given`, as `Page.evaluate` does."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([text, given]) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "Node ended, see its errors"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer["value"]


@contextmanager
def run_modules(*names: str, timezone: str = "UTC") -> Iterator[JsModules]:
    """Start Node with modules of the pages, such as `live/model`."""
    command = [str(NODE), "--input-type=module", "--eval", PROGRAM, str(STATIC), *names]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen(command, env=os.environ | {"TZ": timezone}, **pipes) as process:
        yield JsModules(process)
