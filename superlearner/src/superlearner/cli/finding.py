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

from superlearner.data_dir import LOCK_FILE, default_data_dir

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
    """A platform that is said to run: its address, and the token to show there, if any."""

    url: str
    token: str | None


def find(url: str | None = None, data_dir: Path | None = None) -> Platform:
    """The platform that a command talks to.

    The owner's token is shown to the platform of its own data directory and to addresses of this machine only; to
    another machine goes what `SUPERLEARNER_TOKEN` says.

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
        return Platform(address, _token(folder if _is_here(parts.hostname) else None))
    return Platform(_recorded(folder), _token(folder))


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


def _recorded(folder: Path) -> str:
    """The address that the platform of a data directory has written down; one that was killed leaves it behind."""
    try:
        record: Any = json.loads((folder / LOCK_FILE).read_text(encoding="utf-8"))
        address, process = str(record["url"]), int(record["pid"])
    except (OSError, ValueError, KeyError, TypeError):
        raise NotFound(f"no platform runs on the data directory {folder}; {START}") from None
    if not _lives(process):
        raise NotFound(f"the platform of {folder} (process {process}) has ended without a word; {START}")
    parts = urlsplit(address)  # behind a proxy the path is the proxy's: on this machine it is not needed
    return f"{parts.scheme}://{parts.netloc}"


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
    from superlearner.web.credentials import read_token

    return read_token(folder)
