"""The lines that make a client use a node, as text to paste.  Only text: no client's file is read or written here."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit


def client_config(client: str, base_url: str, *, has_users: bool = False) -> str:
    """The lines for one of `CLIENTS`, with a comment that says which file they belong in.

    `base_url`: the node's root as the client reaches it, http or https.  `has_users`: somebody has a name there, so
    that who publishes shows theirs; else a client on the node's own machine needs none.  Raises KeyError for another
    client.
    """
    base_url = base_url if base_url.endswith("/") else f"{base_url}/"
    return CLIENTS[client](base_url, _is_this_machine(base_url) and not has_users)


def _pip(base_url: str, _is_open: bool) -> str:
    lines = [
        "# ~/.config/pip/pip.conf (Windows: %APPDATA%\\pip\\pip.ini; `pip config debug` lists every place)",
        "[global]",
        f"index-url = {base_url}simple/",
    ]
    if not _is_secure(base_url):
        lines.append(f"trusted-host = {urlsplit(base_url).netloc}")
    return _text(lines)


def _uv(base_url: str, is_open: bool) -> str:
    publish_url = f"{base_url}legacy/"
    if is_open:
        # uv does not publish without a name and a password; a node asks this machine's own programs for none.
        publish_url = publish_url.replace("://", "://anyone:anyone@", 1)
    return _text(
        [
            "# ~/.config/uv/uv.toml (Windows: %APPDATA%\\uv\\uv.toml),",
            "# or pyproject.toml, with [[tool.uv.index]] for [[index]]; and to publish: uv publish --index tiercache",
            "[[index]]",
            'name = "tiercache"',
            f"url = {_quoted(f'{base_url}simple/')}",
            f"publish-url = {_quoted(publish_url)}",
            "default = true",
        ]
    )


def _poetry(base_url: str, _is_open: bool) -> str:
    return _text(
        [
            "# pyproject.toml of each project; and to publish, once and then each time:",
            f"#   poetry config repositories.tiercache {base_url}legacy/",
            "#   poetry publish --build --repository tiercache",
            "[[tool.poetry.source]]",
            'name = "tiercache"',
            f"url = {_quoted(f'{base_url}simple/')}",
            'priority = "primary"',
        ]
    )


def _pdm(base_url: str, _is_open: bool) -> str:
    lines = [
        "# pyproject.toml of each project; the name replaces pdm's own source",
        "# (for all projects: `pdm config pypi.url` with the same url); and to publish:",
        f"#   pdm publish --repository {base_url}legacy/",
        "[[tool.pdm.source]]",
        'name = "pypi"',
        f"url = {_quoted(f'{base_url}simple/')}",
        # pdm asks no index over plain http that is not on this machine, unless it is told so like this.
        f"verify_ssl = {'true' if _is_secure(base_url) else 'false'}",
    ]
    return _text(lines)


def _twine(base_url: str, is_open: bool) -> str:
    return _pypirc(base_url, is_open, "twine upload --repository tiercache dist/*")


def _flit(base_url: str, is_open: bool) -> str:
    return _pypirc(base_url, is_open, "flit publish --repository tiercache")


def _pypirc(base_url: str, is_open: bool, command: str) -> str:
    """What twine and flit both read."""
    lines = [f"# ~/.pypirc; then: {command}", "[distutils]", "index-servers =", "    tiercache", ""]
    lines += ["[tiercache]", f"repository = {base_url}legacy/"]
    if is_open:
        # Both ask for a name and a password unless these are there; a node asks this machine's own programs for none.
        lines += ["username =", "password ="]
    else:
        lines += ["username = __token__", "# password = a token of yours, unless it is to be asked for each time"]
    return _text(lines)


CLIENTS: Mapping[str, Callable[[str, bool], str]] = {
    "pip": _pip,
    "uv": _uv,
    "poetry": _poetry,
    "pdm": _pdm,
    "twine": _twine,
    "flit": _flit,
}
"""The clients that there are lines for."""


def _is_secure(url: str) -> bool:
    """Whether pip and pdm trust the way to a host without being told: by https, or within this machine."""
    return urlsplit(url).scheme == "https" or _is_this_machine(url)


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _quoted(text: str) -> str:
    # JSON's strings are TOML's basic strings, as long as nothing beyond the basic plane is escaped.
    return json.dumps(text, ensure_ascii=False)


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"
