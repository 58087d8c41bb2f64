"""Unknown environment variables with our prefix, most of which are misspelt."""

from __future__ import annotations

import os
from difflib import get_close_matches

from superlearner.base.commands import command
from superlearner.base.tls import CACERT
from superlearner.cli.finding import TOKEN, URL

__all__ = ["unread_variables"]


def unread_variables() -> list[str]:
    """Return a message for each `SUPERLEARNER_*` that no setting or command reads.

    >>> os.environ["SUPERLEARNER_PROT"] = "4001"
    >>> unread_variables()
    ['SUPERLEARNER_PROT is not a known variable; did you mean SUPERLEARNER_PORT?']
    >>> del os.environ["SUPERLEARNER_PROT"]
    """
    from superlearner.settings.settings import ENVIRONMENT, Settings

    read = {TOKEN, URL, CACERT, *(f"{ENVIRONMENT}{name.upper()}" for name in Settings.model_fields)}
    # case-insensitive, as variables of settings are
    unread = sorted(name for name in os.environ if name.upper().startswith(ENVIRONMENT) and name.upper() not in read)
    return [f"{name} is not a known variable; {_suggest(name, read)}" for name in unread]


def _suggest(name: str, read: set[str]) -> str:
    from superlearner.settings.settings import ENVIRONMENT

    ends = [one.removeprefix(ENVIRONMENT) for one in read]
    close = get_close_matches(name.upper().removeprefix(ENVIRONMENT), ends, n=1)
    return f"did you mean {ENVIRONMENT}{close[0]}?" if close else f"see `{command('config')}` and docs/command-line.md"
