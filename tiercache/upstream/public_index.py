"""What the word `pypi` stands for: the index that pip is configured to use, else a constant of another library's.

Where pip looks, and what wins over what, is pip's own rule, over its environment and files handed in.  pip is usually
pointed at this very node: such an index is passed over, since a node that asks itself knows nothing.
"""

from __future__ import annotations

import ast
import configparser
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from attrs import evolve, frozen

from tiercache.config.addresses import OwnAddresses, http_url, without_credentials
from tiercache.config.values import PUBLIC_INDEX, Secret, TierConfig

ReadFile = Callable[[str], str | None]
"""Gives the text of the file at a path, None where there is none that can be read."""

_KEYS = ("index-url", "pypi-url")
_SECTIONS = ("download", "install")


@frozen(kw_only=True)
class PipFiles:
    """The paths of pip's configuration files; in each group, and from one group to the next, the later one wins."""

    machine: tuple[str, ...]
    user: tuple[str, ...]
    environment: tuple[str, ...]


def public_index_url(
    environ: Mapping[str, str], *, files: PipFiles, read_file: ReadFile, own_addresses: OwnAddresses
) -> str:
    """The URL of the public index, perhaps with credentials in it.

    `own_addresses` are those of this node: an index there is passed over, and the next that pip would use is taken.
    What is no http or https URL (a folder, say) is no index to this node, and is passed over too.
    """
    for url in _pip_index_urls(environ, files, read_file):
        if _is_http(url) and not own_addresses.include(url):
            return url
    return well_known_index_url()


def well_known_index_url() -> str:
    """The constant PYPI_SIMPLE_ENDPOINT of the library pypi-simple, the only place that knows this address.

    Read from the library's text: importing it brings in four others, which a node would keep in memory for one line.
    """
    spec = find_spec("pypi_simple")
    if spec is not None and spec.origin is not None:
        for statement in ast.parse(Path(spec.origin).read_bytes()).body:
            match statement:
                case ast.AnnAssign(target=ast.Name(id="PYPI_SIMPLE_ENDPOINT"), value=ast.Constant(value=str(url))):
                    return url
                case ast.Assign(targets=[ast.Name(id="PYPI_SIMPLE_ENDPOINT")], value=ast.Constant(value=str(url))):
                    return url
    from pypi_simple import PYPI_SIMPLE_ENDPOINT  # it is no longer written as a constant

    return PYPI_SIMPLE_ENDPOINT


def tier_with_public_index(tier: TierConfig, url: str) -> TierConfig:
    """The tier with this URL for the word `pypi`; the URL's credentials become the tier's, unless it has its own.

    A tier of another URL is left as it is.
    """
    if tier.url != PUBLIC_INDEX:
        return tier
    parts = without_credentials(url)
    if parts.user is None or tier.user is not None or tier.token is not None:
        return evolve(tier, url=parts.url)
    password = None if parts.password is None else Secret(parts.password)
    return evolve(tier, url=parts.url, user=parts.user, password=password)


def pip_files(environ: Mapping[str, str], *, home: Path, prefix: str, platform: str) -> PipFiles:
    """Where pip has its files; `prefix` is `sys.prefix`, that of the virtual environment, `platform` `sys.platform`."""
    if platform == "win32":
        machine = [str(Path(environ.get("PROGRAMDATA", r"C:\ProgramData"), "pip", "pip.ini"))]
        roaming = environ.get("APPDATA") or str(home / "AppData" / "Roaming")
        user = [str(home / "pip" / "pip.ini"), str(Path(roaming, "pip", "pip.ini"))]
        return PipFiles(machine=tuple(machine), user=tuple(user), environment=(str(Path(prefix, "pip.ini")),))
    if platform == "darwin":
        machine = ["/Library/Application Support/pip/pip.conf"]
        support = home / "Library" / "Application Support" / "pip"
        own = support if support.is_dir() else home / ".config" / "pip"
    else:
        folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
        machine = [str(Path(folder, "pip", "pip.conf")) for folder in folders if folder]
        machine.append("/etc/pip.conf")
        own = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip"
    return PipFiles(
        machine=tuple(machine),
        user=(str(home / ".pip" / "pip.conf"), str(own / "pip.conf")),
        environment=(str(Path(prefix, "pip.conf")),),
    )


def read_pip_file(path: str) -> str | None:
    """The text of one of pip's files, None if there is none that can be read."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def pip_index_of_this_machine(own_addresses: OwnAddresses, environ: Mapping[str, str]) -> str:
    """`public_index_url` with this machine's real files (a few small reads, blocking)."""
    files = _files_of_this_machine(environ)
    return public_index_url(environ, files=files, read_file=read_pip_file, own_addresses=own_addresses)


def pip_certificates(environ: Mapping[str, str], *, files: PipFiles, read_file: ReadFile) -> str | None:
    """The bundle of certificates that pip's configuration files name (`cert`), or None."""
    return next(_stated(environ, files, read_file, ("cert",)), None)


def pip_certificates_of_this_machine(environ: Mapping[str, str]) -> str | None:
    """`pip_certificates` with this machine's real files (a few small reads, blocking)."""
    return pip_certificates(environ, files=_files_of_this_machine(environ), read_file=read_pip_file)


def _files_of_this_machine(environ: Mapping[str, str]) -> PipFiles:
    home = Path(environ.get("HOME") or Path.home())
    return pip_files(environ, home=home, prefix=sys.prefix, platform=sys.platform)


def _pip_index_urls(environ: Mapping[str, str], files: PipFiles, read_file: ReadFile) -> Iterator[str]:
    """Every index that pip is configured with, the one that it uses first."""
    stated = {name.upper(): value.strip() for name, value in environ.items() if name.startswith("PIP_")}
    for key in _KEYS:
        if url := stated.get("PIP_" + key.upper().replace("-", "_")):
            yield url
    yield from _stated(environ, files, read_file, _KEYS)


def _stated(environ: Mapping[str, str], files: PipFiles, read_file: ReadFile, keys: tuple[str, ...]) -> Iterator[str]:
    """What pip's configuration files say under any of the keys, what wins first."""
    sections = [_sections(text) for text in _texts(environ.get("PIP_CONFIG_FILE"), files, read_file)]
    # A command's own section wins over [global], whichever file either stands in.
    for name in ("install", "download", "global"):
        for section in sections:
            for key in keys:
                if value := section.get(name, {}).get(key):
                    yield value


def _texts(named: str | None, files: PipFiles, read_file: ReadFile) -> Iterator[str]:
    """The texts of pip's configuration files, the one that wins first.

    `named` is PIP_CONFIG_FILE: it wins over all others, and keeps the user's own from being read; the null device
    keeps all of them from being read.
    """
    if named == os.devnull:
        return
    named_text = read_file(named) if named else None
    paths = [*files.machine, *(files.user if named_text is None else ()), *files.environment]
    texts = [*(read_file(path) for path in paths), named_text]
    yield from (text for text in reversed(texts) if text is not None)


def _sections(text: str) -> dict[str, dict[str, str]]:
    """The settings of one file by section; nothing of a file that pip itself would stumble over."""
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    return {
        section: {
            key.lower().replace("_", "-").removeprefix("--"): value.strip() for key, value in parser.items(section)
        }
        for section in parser.sections()
    }


def _is_http(url: str) -> bool:
    try:
        http_url(url)
    except ValueError:
        return False
    return True
