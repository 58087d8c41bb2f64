"""Where the running platform is: `--url`, `--data-dir`, `SUPERLEARNER_URL`, or the data directory's own record.

The same places as `settings` looks for the data directory in, read without pydantic: a verb has to start at once.
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

from superlearner.base.data_dir import LOCK_FILE, default_data_dir

__all__ = ["NotFound", "Platform", "WrongUrl", "data_dir_of", "find"]

URL: Final = "SUPERLEARNER_URL"
TOKEN: Final = "SUPERLEARNER_TOKEN"
START: Final = "start one with `superlearner run`, or say where it is with --url or --data-dir"


class NotFound(Exception):
    """No platform is there; the text says where it was looked for, and what to try."""


class WrongUrl(ValueError):
    """An address that is none."""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that is said to run: its address, and the token to show there, if any.

    `door` is what the audit log says how it was asked: `cli`, `console` or `mcp`. `process` is its process id, if it is
    the one that the data directory names, and `certificate` the one it wrote there, if it speaks https.
    """

    url: str
    token: str | None
    door: str = "cli"
    process: int | None = None
    certificate: str | None = None


def find(url: str | None = None, data_dir: Path | None = None) -> Platform:
    """The platform that a command talks to.

    The owner's token is shown to the platform of its own data directory only: an address is that one's if it is of this
    machine and has the port that is written down there, or if the data directory was named, too. To all others goes
    what `SUPERLEARNER_TOKEN` says.

    Raises:
        NotFound: nothing runs on the data directory.
        WrongUrl: an address was given that is none.
        CredentialsError: the token is there and cannot be used.
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
        return Platform(address, _token(folder if known else None), certificate=certificate)
    address, process = _recorded(folder)
    certificate = _certificate_of(folder, address)
    return Platform(address, _token(folder), process=process, certificate=certificate)


def data_dir_of() -> Path:
    """The data directory: the environment, `superlearner.toml`, or the default."""
    told = os.environ.get("SUPERLEARNER_DATA_DIR") or None
    if told is None:
        try:
            with open("superlearner.toml", "rb") as file:
                told = tomllib.load(file).get("data_dir")
        except (OSError, ValueError):
            told = None
    return Path(told) if isinstance(told, str) and told else default_data_dir()


def _recorded(folder: Path) -> tuple[str, int]:
    """Address and process that the platform of a data directory has written down; one that was killed leaves them."""
    try:
        record: Any = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        address, process = str(record["url"]), int(record["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NotFound(f"no platform runs on the data directory {folder}; {START}") from None
    if not _lives(process):
        raise NotFound(f"the platform of {folder} (process {process}) has ended without a word; {START}")
    parts = urlsplit(address)  # behind a proxy the path is the proxy's: on this machine it is not needed
    return f"{parts.scheme}://{parts.netloc}", process


def _has_port(folder: Path, scheme: str, port: int | None) -> bool:
    """Whether the platform of this data directory listens there: another one would refuse its token."""
    try:
        there = urlsplit(_recorded(folder)[0])
        return (there.scheme, there.port) == (scheme, port or (443 if scheme == "https" else 80))
    except (NotFound, ValueError):
        return False


def _certificate_of(folder: Path, address: str) -> str | None:
    """What the platform of a data directory shows, if it speaks https."""
    if not address.startswith("https:"):
        return None
    try:
        record: Any = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        return str(record["certificate"]) if record["certificate"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _lives(process: int) -> bool:
    if os.name != "posix":
        return True  # signal 0 is no question on Windows; a refused connection says it as well
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
