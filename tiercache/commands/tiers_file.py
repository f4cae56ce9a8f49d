"""Which file is this process's configuration, and reading it.

What the file may say, and what it means, is `tiercache.config`.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path

from tiercache.config import Config, load_config
from tiercache.errors import ConfigInvalid, Problem

NO_FILE = "(no file)"


def find_tiers_file(given: str | None, environ: Mapping[str, str]) -> Path | None:
    """The configuration file to use, or None for the defaults.

    In this order: the one named on the command line, `$TIERCACHE_CONFIG`, and if it is there
    `$XDG_CONFIG_HOME/tiercache/tiers.yaml` (`~/.config/tiercache/tiers.yaml`).  The first two need to exist.
    """
    named = given or environ.get("TIERCACHE_CONFIG")
    if named:
        return Path(named).expanduser()
    folder = environ.get("XDG_CONFIG_HOME") or "~/.config"
    usual = Path(folder).expanduser() / "tiercache" / "tiers.yaml"
    return usual if usual.is_file() else None


def load_tiers_file(path: Path | None, environ: Mapping[str, str]) -> Config:
    """The configuration in the file at `path`; None is the complete configuration of no file.

    Raises ConfigInvalid, also when the file cannot be read.
    """
    source = NO_FILE if path is None else str(path)
    try:
        text = "" if path is None else path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigInvalid(source=source, problems=(Problem(place="file", what=str(error.strerror)),)) from error
    except UnicodeDecodeError as error:
        raise ConfigInvalid(source=source, problems=(Problem(place="file", what="is not UTF-8"),)) from error
    return load_config(text, source=source, environ=environ, read_file=_read_secret, hostname=socket.gethostname())


def _read_secret(path: str) -> str:
    return Path(path).expanduser().read_text(encoding="utf-8")
