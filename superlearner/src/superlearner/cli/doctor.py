"""`superlearner doctor`: checks of this machine, with suggested fixes."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from superlearner import __version__
from superlearner.base.commands import command
from superlearner.base.data_dir import command_with, describe_unusable, find_existing, in_data_dir
from superlearner.base.extras import EXTRAS, install
from superlearner.base.terminal import print_line
from superlearner.cli.asking import RequestRefused, ask
from superlearner.cli.ends import FAILED
from superlearner.cli.finding import FoundPlatform, PlatformNotFound, WrongUrl, data_dir_of, find
from superlearner.cli.manifest import entry_of_verb
from superlearner.cli.plain import plain
from superlearner.cli.showing import json_text
from superlearner.cli.variables import unread_variables

if TYPE_CHECKING:
    from superlearner.settings.settings import Settings

__all__ = ["Diagnosis", "examine", "findings"]

Verdict = Literal["ok", "note", "warn", "bad"]
OLDEST: Final = (3, 11)
LITTLE_ROOM: Final = 100_000_000
SHOWN: Final = 5
RANKS: Final = ("critical", "high", "medium", "low")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of a check: `bad` prevents a start, `warn` is a problem of a running node, `note` is information."""

    verdict: Verdict
    about: str
    words: str


def examine(*, as_json: bool = False) -> int:
    """Write the results; the exit code is 1 if one is bad."""
    found = list(findings())
    if as_json:
        print_line(json_text([asdict(one) for one in found]))
    else:
        width = max(len(one.about) for one in found)
        for one in found:
            print_line(f"{one.verdict:<4}  {one.about:<{width}}  {plain(one.words)}")
    return FAILED if any(one.verdict == "bad" for one in found) else 0


def findings() -> Iterator[Diagnosis]:
    """Yield the results of all checks, in the order in which a start needs them."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Diagnosis("ok" if sys.version_info >= OLDEST else "bad", "Python", f"{version}; 3.11 or later is needed")
    folder = data_dir_of()
    yield _data_directory(folder)
    yield from _room(folder)
    yield _token(folder)
    yield from (Diagnosis("note", "environment", words) for words in unread_variables())
    try:
        platform = find()
        health = ask(platform, entry_of_verb("system", "health") or {}, {}).data
    except PlatformNotFound as error:
        yield from _start(folder)
        yield Diagnosis("note", "platform", str(error))
    except (WrongUrl, RequestRefused, OSError) as error:
        yield Diagnosis("bad", "platform", str(error))
    else:
        same = health["version"] == __version__
        words = f"{platform.url} is {health['status']}, version {health['version']}"
        yield Diagnosis(
            "ok" if same else "bad", "platform", words if same else f"{words}; this command is {__version__}"
        )
        yield _settings_file_of(platform)
        yield _database_of(platform)
        yield from _problems_of(platform, health["node"], folder)
    yield _walls()
    yield from _extras()


def _walls() -> Diagnosis:
    """Check which isolation layers a sandbox has here; a separate process tries them."""
    from otp.peer import probe

    try:
        found = probe()
    except OSError as error:
        return Diagnosis("bad", "sandbox isolation", f"the check failed: {error}")
    down = "; ".join(f"{wall.name}: {wall.why_not}" for wall in found.walls.values() if not wall.up)
    up = sum(wall.up for wall in found.walls.values())
    words = f"{up} of {len(found.walls)} layers active{f' ({down})' if down else ''}"
    if found.untrusted:
        return Diagnosis("ok", "sandbox isolation", words)
    return Diagnosis("note", "sandbox isolation", f"{words}; sandboxes need --weak-walls, for your own code")


def _data_directory(folder: Path) -> Diagnosis:
    there = find_existing(folder)
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return Diagnosis("ok", "data directory", f"{folder}{'' if there == folder else ' (the first run makes it)'}")
    if not there.is_dir():
        return Diagnosis("bad", "data directory", describe_unusable(folder, NotADirectoryError()))
    return Diagnosis("bad", "data directory", f"{folder} cannot be written; try --data-dir FOLDER")


def _room(folder: Path) -> Iterator[Diagnosis]:
    """Check the disk, since a full one stops the history; report only low space."""
    folder = find_existing(folder)
    try:
        free = shutil.disk_usage(folder).free
    except OSError:
        return
    if free < LITTLE_ROOM:
        yield Diagnosis("note", "disk", f"{free / 1e6:.0f} MB are free at {folder}; the history needs room")


def _token(folder: Path) -> Diagnosis:
    from superlearner.access.credentials import CredentialsError, read_token

    try:
        token = read_token(folder)
    except CredentialsError as error:
        return Diagnosis("bad", "token", str(error))
    return Diagnosis("ok", "token", "only you can read it" if token else "none yet; the first run makes it")


def _start(folder: Path) -> Iterator[Diagnosis]:
    """Check settings, port and database for a start, if no platform is running."""
    from superlearner.settings.sources import SettingsError, load_settings

    try:
        settings = load_settings()
    except SettingsError as error:
        yield Diagnosis("bad", "settings", str(error).replace("\n", "; "))
        return
    yield Diagnosis("ok", "settings", "every value is right")
    if settings.certfile is not None:
        yield _certificate(settings)
    try:
        with socket.create_server((settings.host, settings.port), family=_family(settings.host)):
            pass
    except OSError as error:
        words = f"{settings.port} of {settings.host} is not available ({error.strerror or error}); try --port PORT"
        yield Diagnosis("bad", "port", words)
    else:
        yield Diagnosis("ok", "port", f"{settings.port} of {settings.host} is free")
    yield _database(settings.database, folder)


def _certificate(settings: Settings) -> Diagnosis:
    from superlearner.base.tls import TlsError, server_context

    assert settings.certfile is not None
    try:
        server_context(settings.certfile, settings.keyfile)
    except TlsError as error:
        return Diagnosis("bad", "certificate", str(error))
    return Diagnosis("ok", "certificate", f"{settings.certfile} and its key belong together")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _database(url: str | None, folder: Path) -> Diagnosis:
    """Check the database that a platform would open: file or configured server."""
    from superlearner.base.data_dir import DATABASE_FILE
    from superlearner.store import StoreUnavailable, database_info

    file = folder / DATABASE_FILE
    if url is None and not os.path.exists(file):
        return Diagnosis("ok", "database", "none yet; the first run makes it")
    try:
        info = database_info(url or file)
    except StoreUnavailable as error:
        return Diagnosis("bad", "database", str(error))
    schema = (
        "up to date"
        if info.up_to_date
        else f"the next run, or `{command_with('db upgrade', folder)}`, brings it to this version"
    )
    return Diagnosis("ok", "database", f"{info.database}, {schema}")


def _problems_of(platform: FoundPlatform, own: str, folder: Path) -> Iterator[Diagnosis]:
    """List what is wrong now on the nodes of the platform and its services, the worst first."""
    try:
        found = ask(platform, entry_of_verb("cluster", "anomalies") or {}, {}).data
    except (PlatformNotFound, RequestRefused, OSError):
        return  # the account may not read them all
    problems = [
        (one["severity"], one["node"], f"{one['description']} (began {one['since'][:19].replace('T', ' ')} UTC)")
        for one in found["anomalies"]
    ]
    problems += [("high", one["node"], f"it is missing: {one['reason']}") for one in found["missing"]]
    problems.sort(key=lambda one: RANKS.index(one[0]))
    nodes = {node for _, node, _ in problems}
    of_one = len(nodes) < 2 and not found["missing"]
    if of_one:
        listed = command("system.anomalies", node=next(iter(nodes - {own}), None))
    else:
        listed = command("cluster.anomalies")
    if not problems:
        yield Diagnosis("ok", "problems", in_data_dir(f"none now; `{listed}` lists them", folder))
        return
    left = len(problems) - SHOWN
    for number, (severity, node, words) in enumerate(problems[:SHOWN], 1):
        said = f"{severity}: {node}: {words}"
        if number == min(SHOWN, len(problems)):
            said += f"{f', and {left} more' if left > 0 else ''}; `{listed}` lists them"
        yield Diagnosis("note" if severity == "low" else "warn", "problems", in_data_dir(said, folder))


def _settings_file_of(platform: FoundPlatform) -> Diagnosis:
    """Check the running platform's settings file.

    The platform ignores invalid changes, but its next start would fail.
    """
    try:
        file = ask(platform, entry_of_verb("settings", "file") or {}, {}).data
    except (RequestRefused, PlatformNotFound) as error:
        return Diagnosis("bad", "settings", str(error))
    if file["problems"]:
        lines = "; ".join(_problem(one) for one in file["problems"])
        name = file["path"] or "superlearner.toml"
        return Diagnosis("bad", "settings", f"{name} is refused, and so would the next start be: {lines}")
    return Diagnosis("ok", "settings", "every value is right")


def _problem(one: dict[str, Any]) -> str:
    where = [f"line {one['line']}"] if one["line"] is not None else []
    setting = [one["setting"]] if one["setting"] else []
    return ": ".join([*where, *setting, one["problem"]])


def _database_of(platform: FoundPlatform) -> Diagnosis:
    try:
        store = ask(platform, entry_of_verb("store", "info") or {}, {}).data
    except (RequestRefused, PlatformNotFound) as error:
        return Diagnosis("bad", "database", str(error))
    if store["state"] == "unavailable":
        return Diagnosis("bad", "database", f"{store['why']}; {store['hint'] or 'see the terminal of the platform'}")
    return Diagnosis("ok", "database", f"{store['kind'] or 'none'}, {store['state']}")


def _extras() -> Iterator[Diagnosis]:
    for extra, (module, purpose, _) in EXTRAS.items():
        there = find_spec(module.partition(".")[0]) is not None and _found(module)
        words = purpose if there else f"not installed: {install(extra)} brings {purpose}"
        yield Diagnosis("ok" if there else "note", f"[{extra}]", words)


def _found(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
