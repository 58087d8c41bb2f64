"""`superlearner run --console`: a platform in a process of its own, behind a prompt.

Its log goes to a file, so that it does not disturb typing. It ends with the prompt, however that ends: its standard
input is a pipe from the prompt, and `python -m superlearner.cli.console.behind` ends when that is closed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

from superlearner.base.terminal import complain, print_line, with_lasting_output
from superlearner.cli.console.opening import FOLDER, open_console
from superlearner.cli.ends import fail
from superlearner.cli.remote import Remote

__all__ = ["platform_behind", "run_behind"]

LOG_FILE: Final = "platform.log"
END_S: Final = 10.0


def run_behind(arguments: Sequence[str], data_dir: Path) -> int:
    """Start a platform, open the prompt, end both; return the platform's exit code."""
    folder = data_dir / FOLDER
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fail(f"the data directory {data_dir} cannot be written: {error.strerror}; try --data-dir FOLDER")
    with platform_behind(arguments, folder) as end:
        failed = open_console(Remote("console", data_dir=data_dir))
        ended = end()
    return ended or failed


@contextmanager
def platform_behind(arguments: Sequence[str], folder: Path) -> Generator[Callable[[], int]]:
    """Start `superlearner run` with these arguments and wait for its address.

    Yields a function that shuts it down and returns its exit code. Ends the command if the platform does not start.
    """
    log = folder / LOG_FILE
    with open(log, "w", encoding="utf-8") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", __spec__.name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
            text=True,
            start_new_session=True,  # Ctrl-C at the prompt must not reach the platform
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        if not line:
            code = process.wait()
            sys.stderr.write(log.read_text(encoding="utf-8", errors="replace"))
            fail(f"the platform did not start (exit code {code})", code or 1)
        print_line(line.replace("Ctrl-C", "Ctrl-D").rstrip("\n"))
        if " is already running " in line:
            process.wait()  # another platform is already running: the prompt uses it and leaves it running
        threading.Thread(target=_drain, args=(process.stdout, log), name="superlearner-behind", daemon=True).start()
        yield lambda: _end(process)
    finally:
        _end(process)


def _drain(output: IO[str], log: Path) -> None:
    with open(log, "a", encoding="utf-8") as written:
        for line in output:
            written.write(line)
            written.flush()


def _end(process: subprocess.Popen[str]) -> int:
    """Interrupt the process as Ctrl-C would, and kill it if it does not end."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            complain(f"the platform did not end within {END_S:g} s; it was killed")
            process.kill()
            process.wait()
    assert process.stdin is not None
    process.stdin.close()
    return process.returncode


def _until_the_prompt_ends() -> None:
    """Wait for the end of standard input, to which nothing is ever written."""
    os.read(0, 1)
    os.dup2(2, 1)  # standard output has no reader any more: send the rest to the log
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_until_the_prompt_ends, name="superlearner-prompt", daemon=True).start()
    from superlearner.cli import app

    with with_lasting_output():
        app(["run", *sys.argv[1:]])
