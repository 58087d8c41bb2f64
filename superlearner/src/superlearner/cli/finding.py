"""Location of the running platform.

It comes from `--url`, `--data-dir`, `SUPERLEARNER_URL` or a record in the data directory.

The data directory is searched for in the same places as in `settings`, but without pydantic: a command must start fast.
"""

from __future__ import annotations

import ipaddress
import json
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from superlearner.base.commands import command
from superlearner.base.data_dir import LOCK_FILE, command_with, default_data_dir, describe_unusable

__all__ = ["PlatformNotFound", "FoundPlatform", "WrongUrl", "data_dir_of", "find"]

URL: Final = "SUPERLEARNER_URL"
TOKEN: Final = "SUPERLEARNER_TOKEN"
WHERE: Final = "or say where it is with --url or --data-dir"
START: Final = f"start one with `{command('run')}`, {WHERE}"


class PlatformNotFound(Exception):
    """There is no platform; the message says where it was expected and what to try."""


class WrongUrl(ValueError):
    """The text is not a valid address."""


@dataclass(frozen=True, slots=True)
class FoundPlatform:
    """The address of a platform, with a token to send, if any.

    `door` is the interface for the audit log: `cli`, `console` or `mcp`. `begin` is how commands begin that reach it
    from this terminal. `process` is the id if the data directory
    names this platform, and `certificate` is the one recorded there, if it uses https.
    """

    url: str
    token: str | None
    door: str = "cli"
    begin: str = "superlearner"
    process: int | None = None
    certificate: str | None = None


def find(url: str | None = None, data_dir: Path | None = None) -> FoundPlatform:
    """Return the platform that a command talks to.

    The owner's token is sent only to the platform of its data directory: the address must be on this machine and have
    the port recorded there, or the data directory must be given, too. All others get `SUPERLEARNER_TOKEN`.

    Raises:
        NotFound: no platform is running on the data directory.
        WrongUrl: the given address is invalid.
        CredentialsError: the token exists but is not usable.
    """
    given = url or (None if data_dir is not None else os.environ.get(URL))
    folder = data_dir or data_dir_of()
    if given:
        parts = urlsplit(given)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in ("http", "https") or not parts.hostname or port == -1:
            raise WrongUrl(f"expected an address such as http://127.0.0.1:4000, got {given!r}")
        address = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        known = _is_here(parts.hostname) and (data_dir is not None or _has_port(folder, parts.scheme, port))
        certificate = _certificate_of(folder, address) if known else None
        return FoundPlatform(address, _token(folder if known else None), certificate=certificate)
    address, process = _recorded(folder)
    certificate = _certificate_of(folder, address)
    return FoundPlatform(address, _token(folder), process=process, certificate=certificate)


def data_dir_of() -> Path:
    """Return the data directory: from environment, `superlearner.toml`, or default."""
    told = os.environ.get("SUPERLEARNER_DATA_DIR") or None
    if told is None:
        try:
            with open("superlearner.toml", "rb") as file:
                told = tomllib.load(file).get("data_dir")
        except (OSError, ValueError):
            told = None
    return Path(told) if isinstance(told, str) and told else default_data_dir()


def _recorded(folder: Path) -> tuple[str, int]:
    """Return the address and process recorded in a data directory, maybe outdated."""
    try:
        record: Any = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        address, process = str(record["url"]), int(record["pid"])
    except (NotADirectoryError, PermissionError) as error:
        raise PlatformNotFound(describe_unusable(folder, error)) from None
    except (OSError, ValueError, KeyError, TypeError):
        raise PlatformNotFound(f"no platform is running on the data directory {folder}; {_start(folder)}") from None
    if not _lives(process):
        raise PlatformNotFound(f"the platform of {folder} (process {process}) has ended unexpectedly; {_start(folder)}")
    parts = urlsplit(address)  # the path belongs to a proxy and is not needed on this machine
    return f"{parts.scheme}://{parts.netloc}", process


def _start(folder: Path) -> str:
    return f"start one with `{command_with('run', folder)}`, {WHERE}"


def _has_port(folder: Path, scheme: str, port: int | None) -> bool:
    """Return whether the data directory's platform listens on this port."""
    try:
        there = urlsplit(_recorded(folder)[0])
        return (there.scheme, there.port) == (scheme, port or (443 if scheme == "https" else 80))
    except (PlatformNotFound, ValueError):
        return False


def _certificate_of(folder: Path, address: str) -> str | None:
    """Return the certificate of a data directory's platform, if it uses https."""
    if not address.startswith("https:"):
        return None
    try:
        record: Any = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        return str(record["certificate"]) if record["certificate"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives(process: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 does not test this on Windows; a refused connection will show it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _token(folder: Path | None) -> str | None:
    told = os.environ.get(TOKEN)
    if told or folder is None:
        return told
    from superlearner.access.credentials import read_token

    return read_token(folder)
