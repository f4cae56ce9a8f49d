"""Where the other servers are installed: each in an environment of its own, below a folder that is no repository.

From the package index through pip's own configuration, and from Debian's packages, which are unpacked and not
installed: nothing of the machine changes, no daemon is started, and no one has to be root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

_DEADLINE_S = 600.0
_SAID_LINES = 3


class CannotBeHad(Exception):
    """Something could not be installed; the text says why, in the tool's words."""


def default_folder(environ: Mapping[str, str], home: Path) -> Path:
    """Where environments are kept unless told otherwise: below the user's cache folder."""
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "tiercache" / "peers"


@frozen(kw_only=True)
class PythonEnvironment:
    """An environment made by venv and pip: `bin` has its commands, `version` is that of the first requirement."""

    bin: Path
    version: str

    @classmethod
    def made(cls, folder: Path, project: str, *requirements: str) -> PythonEnvironment:
        """The environment of a project in `folder`, as it was made before or new; CannotBeHad if that fails."""
        venv = folder / project
        python = venv / "bin" / "python"
        wanted = "\n".join([sys.version, *requirements])
        holds = venv / "holds"
        if not holds.exists() or holds.read_text() != wanted:
            folder.mkdir(parents=True, exist_ok=True)
            _said([sys.executable, "-m", "venv", "--clear", venv])
            _said([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements])
            holds.write_text(wanted)
        tell = f"import importlib.metadata; print(importlib.metadata.version({project!r}))"
        return cls(bin=venv / "bin", version=_said([python, "-c", tell]).strip())


@frozen(kw_only=True)
class Program:
    """A program and what it needs in its environment to run."""

    path: Path
    environment: Mapping[str, str]

    @classmethod
    def found(cls, folder: Path, name: str, *packages: str) -> Program:
        """The program of the machine, or the one in these Debian packages, unpacked in `folder`; else CannotBeHad."""
        if on_path := shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
            return cls(path=Path(on_path), environment={})
        unpacked = folder / name
        if not (unpacked / "holds").exists():
            _unpack(unpacked, packages)
            (unpacked / "holds").write_text("\n".join(packages))
        path = next((unpacked / place / name for place in _PLACES if (unpacked / place / name).exists()), None)
        if path is None:
            raise CannotBeHad(f"{' '.join(packages)}: no {name} in it")
        libraries = [str(library) for library in unpacked.glob("usr/lib/*-linux-gnu*")]
        return cls(path=path, environment={"LD_LIBRARY_PATH": ":".join(libraries)} if libraries else {})


_PLACES = ("usr/sbin", "usr/bin", "sbin", "bin")


def _unpack(folder: Path, packages: Sequence[str]) -> None:
    if shutil.which("apt-get") is None:
        raise CannotBeHad("it is not installed, and there is no apt-get")
    archives = folder / "archives"
    archives.mkdir(parents=True, exist_ok=True)
    try:
        _said(["apt-get", "download", *packages], cwd=archives)
    except CannotBeHad:
        if os.geteuid() != 0:
            raise
        _said(["apt-get", "update", "-qq"])  # a new machine has no lists yet
        _said(["apt-get", "download", *packages], cwd=archives)
    for archive in archives.glob("*.deb"):
        _said(["dpkg-deb", "--extract", archive, folder])


def _said(command: Sequence[str | Path], cwd: Path | None = None) -> str:
    """What a command says when it succeeds; CannotBeHad with its last lines otherwise."""
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_DEADLINE_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise CannotBeHad(str(problem)) from problem
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-_SAID_LINES:]
        raise CannotBeHad(" ".join(last) or f"{command[0]} ended with {done.returncode}")
    return done.stdout
