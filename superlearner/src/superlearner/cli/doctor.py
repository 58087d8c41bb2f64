"""`superlearner doctor`: what is missing on this machine, each with what to try."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from superlearner import __version__
from superlearner.cli.asking import Refused, ask
from superlearner.cli.ends import FAILED
from superlearner.cli.finding import NotFound, Platform, WrongUrl, data_dir_of, find
from superlearner.cli.manifest import entry_of_verb
from superlearner.cli.plain import plain
from superlearner.terminal import say

__all__ = ["Finding", "examine", "findings"]

Verdict = Literal["ok", "note", "bad"]
OLDEST: Final = (3, 11)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `bad` keeps a platform from running, a `note` is good to know."""

    verdict: Verdict
    about: str
    words: str


def examine() -> int:
    """Write what was found; the exit code is 1 if something is bad."""
    found = list(findings())
    for one in found:
        say(f"{one.verdict:<4}  {one.about:<14}  {plain(one.words)}")
    return FAILED if any(one.verdict == "bad" for one in found) else 0


def findings() -> Iterator[Finding]:
    """Everything that is looked at, in the order in which a start needs it."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok" if sys.version_info >= OLDEST else "bad", "Python", f"{version}; 3.11 or later is needed")
    folder = data_dir_of()
    yield _data_directory(folder)
    yield _token(folder)
    try:
        platform = find()
        health = ask(platform, entry_of_verb("system", "health") or {}, {}).data
    except NotFound as error:
        yield from _address()
        yield Finding("note", "platform", str(error))
    except (WrongUrl, Refused, OSError) as error:
        yield Finding("bad", "platform", str(error))
    else:
        same = health["version"] == __version__
        words = f"{platform.url} is {health['status']}, version {health['version']}"
        yield Finding("ok" if same else "bad", "platform", words if same else f"{words}; this command is {__version__}")
        yield _database(platform)


def _data_directory(folder: Path) -> Finding:
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Finding("ok", "data directory", f"{folder}{'' if there == folder else ' (the first run makes it)'}")
    return Finding("bad", "data directory", f"{folder} cannot be written; try --data-dir FOLDER")


def _token(folder: Path) -> Finding:
    from superlearner.web.credentials import CredentialsError, read_token

    try:
        token = read_token(folder)
    except CredentialsError as error:
        return Finding("bad", "token", str(error))
    return Finding("ok", "token", "only you can read it" if token else "none yet; the first run makes it")


def _address() -> Iterator[Finding]:
    """Whether the settings are right and their port is free; asked only where no platform of ours has it."""
    from superlearner.settings import SettingsError, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        yield Finding("bad", "settings", str(error).replace("\n", "; "))
        return
    yield Finding("ok", "settings", "every value is right")
    try:
        with socket.create_server((settings.host, settings.port), family=_family(settings.host)):
            pass
    except OSError as error:
        words = f"{settings.port} of {settings.host} cannot be had ({error.strerror or error}); try --port PORT"
        yield Finding("bad", "port", words)
    else:
        yield Finding("ok", "port", f"{settings.port} of {settings.host} is free")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _database(platform: Platform) -> Finding:
    try:
        store = ask(platform, entry_of_verb("store", "info") or {}, {}).data
    except (Refused, NotFound) as error:
        return Finding("bad", "database", str(error))
    if store["state"] == "unavailable":
        return Finding("bad", "database", f"{store['why']}; {store['hint'] or 'see the terminal of the platform'}")
    return Finding("ok", "database", f"{store['kind'] or 'none'}, {store['state']}")
