"""How uv is asked: its command line, its environment and its files, from a question.  Nothing is done here.

Whatever a person wrote stands in a file, line by line a requirement that was read: nothing of it can be an option, an
include, or a source of its own.  The password stands in the environment, which its own user alone can see.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from attrs import field, frozen
from packaging.requirements import InvalidRequirement, Requirement

from tiercache.access.warrants import WARRANT_USER
from tiercache.errors.prefetch import ResolverFailed
from tiercache.interfaces.resolver import Question

REQUIREMENTS, CONSTRAINTS = "requirements.txt", "constraints.txt"

_HASHES = re.compile(r"(?: --hash=[a-z0-9_]+:[0-9a-f]+)*", re.ASCII)


@frozen(kw_only=True)
class Call:
    """`arguments` behind the program's name; `files` to stand in the folder that it runs in, by name."""

    arguments: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    files: Mapping[str, str]


def call_for(question: Question, *, base_url: str, password: str, folder: str, python: str) -> Call:
    """How uv is asked a question.

    `base_url`: the root of this node's own site, `folder`: where it runs, all its own, `python`: an interpreter for it
    to look at.  Raises ResolverFailed where a line is no requirement.
    """
    arguments = ["pip", "compile", REQUIREMENTS, "--format", "pylock.toml", "--no-header", "--no-annotate"]
    # It reads, and runs nothing: no build, no settings of anybody, no other interpreter fetched.
    arguments += ["--no-build", "--no-config", "--no-sources", "--no-python-downloads", "--no-progress"]
    arguments += ["--color", "never", f"--python={python}"]
    if question.constraints:
        arguments += ["--constraints", CONSTRAINTS]
    if question.target is None:
        arguments += ["--universal", *([] if question.since is None else [f"--python-version={question.since}"])]
    else:
        arguments += [f"--python-version={question.target.python}", f"--python-platform={question.target.platform}"]
    if question.no_deps:
        arguments += ["--no-deps"]
    files = {REQUIREMENTS: _text(question.requirements)}
    if question.constraints:
        files[CONSTRAINTS] = _text(question.constraints)
    return Call(
        arguments=tuple(arguments),
        environment=_environment(_index_url(base_url, password, _pages_for(question)), folder),
        files=files,
    )


def _environment(index_url: str, folder: str) -> dict[str, str]:
    """All that uv has of one: nothing of the node's, so none of its proxies, credentials and settings."""
    return {
        "UV_DEFAULT_INDEX": index_url,
        "UV_CACHE_DIR": f"{folder}/cache",
        "UV_KEYRING_PROVIDER": "disabled",
        # A deadline ends all of it, and the node itself asks its tiers again where that is sensible.
        "UV_HTTP_RETRIES": "0",
        "UV_HTTP_TIMEOUT": "600",
        "NETRC": f"{folder}/netrc",
        "HOME": folder,
        "USERPROFILE": folder,
        "APPDATA": folder,
        "LOCALAPPDATA": folder,
        "XDG_CONFIG_HOME": folder,
        "XDG_DATA_HOME": folder,
        "XDG_CONFIG_DIRS": folder,
        "TMPDIR": folder,
        "TEMP": folder,
        "TMP": folder,
        "PATH": "",
        "LANG": "C.UTF-8",
        "NO_PROXY": "127.0.0.1",
    }


def _pages_for(question: Question) -> str:
    """Which of this node's pages it reads; where sdists count, those on which they are wheels, as it builds none."""
    pages = "local/" if question.is_local else "simple/"
    return f"sdists/{pages}" if question.sdists else pages


def _index_url(base_url: str, password: str, pages: str) -> str:
    parts = urlsplit(base_url)
    return f"{parts.scheme}://{WARRANT_USER}:{password}@{parts.netloc}/{pages}"


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{_checked(line)}\n" for line in lines)


def _checked(line: str) -> str:
    """A line, if it is what it is to be: a requirement without a URL, and hashes behind it."""
    stated, separator, rest = line.partition(" --hash=")
    try:
        requirement = Requirement(stated)
    except InvalidRequirement:
        requirement = None
    is_plain = line.isprintable() and not stated.lstrip().startswith("-")
    if requirement is None or requirement.url is not None or not is_plain or not _HASHES.fullmatch(separator + rest):
        raise ResolverFailed(reason=f"{line[:200]!r} is no requirement that it is asked")
    return line
