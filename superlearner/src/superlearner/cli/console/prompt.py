"""The prompt: IPython if it is installed, else Python's own."""

from __future__ import annotations

import code
import os
import sys
import types
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from superlearner.base.extras import install
from superlearner.base.terminal import print_line
from superlearner.cli.console.batch import displayed
from superlearner.cli.console.failures import SHORT, traceback_of, words_of
from superlearner.cli.console.originals import explain
from superlearner.cli.console.values import render

__all__ = ["open_prompt"]

HINT = f"This is Python's own prompt. For colours, `?` and a history that is searched: {install('console')}"


def open_prompt(names: dict[str, Any], banner: str, history: Path | None = None) -> None:
    """Read, evaluate and print until Ctrl-D; `history` is the folder for the history."""
    sys.excepthook = sys.__excepthook__  # the commands' hook prints frames of Python's own prompt
    if find_spec("IPython") is None:
        _bare(names, f"{banner}\n{HINT}")
    else:
        _ipython(names, banner, history)


class Prompt(code.InteractiveConsole):
    """Python's own prompt, without tracebacks for errors of operations."""

    def showtraceback(self) -> None:
        """Show an operation's error without, other errors with a traceback."""
        error = sys.exc_info()[1]
        if isinstance(error, SHORT):
            self.write(f"{words_of(error)}\n")
        else:
            if error is not None:
                explain(error)
            self.write("" if error is None else traceback_of(error))


def _bare(names: dict[str, Any], banner: str) -> None:
    names = {"__name__": "__console__", "__doc__": None, **names}
    try:
        import readline
        import rlcompleter
    except ImportError:  # this Python has no readline: no completion, no history
        pass
    else:
        readline.set_completer(rlcompleter.Completer(names).complete)
        readline.parse_and_bind("tab: complete")
    before, sys.displayhook = sys.displayhook, displayed()
    try:
        Prompt(names).interact(banner, "")
    finally:
        sys.displayhook = before


def _ipython(names: dict[str, Any], banner: str, history: Path | None) -> None:
    from IPython.terminal.interactiveshell import TerminalInteractiveShell
    from traitlets.config import Config

    config: Any = Config()
    config.TerminalInteractiveShell.banner1 = ""
    config.TerminalInteractiveShell.confirm_exit = False
    config.TerminalInteractiveShell.simple_prompt = os.environ.get("TERM") == "dumb" or not sys.stdin.isatty()
    config.Completer.use_jedi = False  # it reads source, but these functions are generated
    if "NO_COLOR" in os.environ:
        config.TerminalInteractiveShell.colors = "nocolor"
    if history is None:
        config.HistoryManager.enabled = False
    else:
        config.HistoryManager.hist_file = str(history / "history.sqlite")
    folder = {} if history is None else {"ipython_dir": str(history)}
    shell: Any = TerminalInteractiveShell.instance(config=config, user_ns=names, **folder)

    def failed(shell: Any, kind: Any, error: BaseException, traceback: Any, tb_offset: Any = None) -> None:
        if isinstance(error, SHORT):
            sys.stderr.write(f"{words_of(error)}\n")
        else:
            explain(error)
            shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)

    shell.set_custom_exc((*SHORT, NameError), failed)
    printers = shell.display_formatter.formatters["text/plain"]
    of_lists = printers.for_type(list)

    def pprint_list(value: list[Any], printer: Any, cycle: bool) -> None:
        text = render(value, terminal=sys.stdout.isatty())
        if text == repr(value):
            of_lists(value, printer, cycle)
        else:
            printer.text(text)

    def pprint_function(value: types.FunctionType, printer: Any, cycle: bool) -> None:
        printer.text(render(value))

    printers.for_type(list, pprint_list)
    printers.for_type(types.FunctionType, pprint_function)
    print_line(f"{banner}\n")
    shell.mainloop()
