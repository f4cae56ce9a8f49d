"""`tiercache yank`, `unyank`, `status`, `delete`, `restore`: what becomes of hosted projects after publishing.

Each speaks to a running node.  Exit status 0 if it is as was asked for, also where it was before; 1 if the node refuses
or there is no such thing; 2 for words that mean nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import click

from tiercache.commands.node_option import chosen_node, node_options

if TYPE_CHECKING:
    from tiercache.commands.running_node import RunningNode

STATUSES = ("active", "archived", "deprecated", "quarantined")

_project = click.argument("project")
_some = click.argument("releases_or_files", metavar="VERSION|FILENAME...", nargs=-1, required=True)
_any = click.argument("releases_or_files", metavar="[VERSION|FILENAME]...", nargs=-1)
_reason = click.option("--reason", metavar="TEXT", help="Why: shown to users, and told in the audit trail.")


@click.command()
@_project
@_some
@_reason
@node_options
def yank(
    project: str,
    releases_or_files: tuple[str, ...],
    reason: str | None,
    node: str | None,
    token: str | None,
    config: str | None,
) -> None:
    """Yank releases or files of PROJECT: only who asks for just that version gets it (PEP 592)."""
    there = chosen_node(node, token, config)
    for filename in _meant(there, project, releases_or_files):
        there.ask("PUT", f"{_path(project)}/files/{quote(filename, safe='')}/yank", {"reason": reason})
        click.echo(f"{filename} is yanked")


@click.command()
@_project
@_some
@node_options
def unyank(
    project: str, releases_or_files: tuple[str, ...], node: str | None, token: str | None, config: str | None
) -> None:
    """Offer releases or files of PROJECT again that were yanked."""
    there = chosen_node(node, token, config)
    for filename in _meant(there, project, releases_or_files):
        there.ask("DELETE", f"{_path(project)}/files/{quote(filename, safe='')}/yank")
        click.echo(f"{filename} is not yanked")


@click.command()
@_project
@click.argument("word", metavar="[STATUS]", required=False, type=click.Choice(STATUSES))
@_reason
@node_options
def status(
    project: str, word: str | None, reason: str | None, node: str | None, token: str | None, config: str | None
) -> None:
    """Print the status of PROJECT, or set it: active, archived, deprecated, quarantined (PEP 792).

    An archived project takes no new files; of a quarantined one nobody gets any file either.
    """
    there = chosen_node(node, token, config)
    if word is None:
        said = there.ask("GET", _path(project))
    else:
        said = there.ask("PUT", f"{_path(project)}/status", {"status": word, "reason": reason})
    because = f": {said['reason']}" if said["reason"] else ""
    click.echo(f"{said['project']} is {said['status']}{because}")


@click.command()
@_project
@_any
@_reason
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--release-name", is_flag=True, help="Also give the project's name free: other tiers may answer for it.")
@node_options
def delete(
    project: str,
    releases_or_files: tuple[str, ...],
    reason: str | None,
    yes: bool,
    release_name: bool,
    node: str | None,
    token: str | None,
    config: str | None,
) -> None:
    """Delete releases or files of PROJECT, or with neither all of them.

    They can be restored for a time (publish.keep-deleted). Their filenames stay taken, and the project's name stays
    reserved.
    """
    there = chosen_node(node, token, config)
    if release_name and releases_or_files:
        raise click.UsageError("a project's name is given free when all of its files are deleted")
    filenames = _meant(there, project, releases_or_files)
    if not yes:
        for filename in filenames:
            click.echo(f"  {filename}")
        name = f", and give the name {project} free" if release_name else ""
        click.confirm(f"Delete these {len(filenames)} files of {project}{name}?", abort=True)
    query = f"?{urlencode({'reason': reason}, quote_via=quote)}" if reason else ""
    for path in [""] if not releases_or_files else [f"/files/{quote(filename, safe='')}" for filename in filenames]:
        for filename in there.ask("DELETE", f"{_path(project)}{path}{query}")["filenames"]:
            click.echo(f"{filename} is deleted")
    if release_name:
        there.ask("DELETE", f"{_path(project)}/name")
        click.echo(f"the name {project} is free")


@click.command()
@_project
@_any
@node_options
def restore(
    project: str, releases_or_files: tuple[str, ...], node: str | None, token: str | None, config: str | None
) -> None:
    """Restore releases or files of PROJECT that were deleted, or with neither all that can be."""
    there = chosen_node(node, token, config)
    asked: list[dict[str, str]] = [{}]
    if releases_or_files:
        deleted = there.ask("GET", f"{_path(project)}/deleted")["files"]
        names = {file["filename"] for file in deleted}
        asked = [{"filename" if word in names else "version": word} for word in releases_or_files]
    for what in asked:
        for filename in there.ask("POST", f"{_path(project)}/restore", what)["filenames"]:
            click.echo(f"{filename} is restored")


def _path(project: str) -> str:
    return f"/api/v1/projects/{quote(project, safe='')}"


def _meant(there: RunningNode, project: str, releases_or_files: Sequence[str]) -> list[str]:
    """The filenames that are meant, each once; without a word all of them."""
    files: list[dict[str, Any]] = there.ask("GET", _path(project))["files"]
    if not releases_or_files:
        return [file["filename"] for file in files]
    meant: dict[str, None] = {}
    for word in releases_or_files:
        found = [file["filename"] for file in files if word == file["filename"]]
        found = found or [file["filename"] for file in files if _is_version(word, file["version"])]
        if not found:
            raise click.ClickException(f"{project} has no release or file {word} there")
        meant.update(dict.fromkeys(found))
    return list(meant)


def _is_version(word: str, version: str | None) -> bool:
    from packaging.version import InvalidVersion, Version

    if version is None or word == version:
        return word == version
    try:
        return Version(word) == Version(version)
    except InvalidVersion:
        return False
