"""What is wanted of a node, as options of a command: files, environments, and how much of each project."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tiercache.wire.prefetch import Target, Wanted

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--requirement",
        "-r",
        "requirements",
        metavar="FILE",
        multiple=True,
        help="requirements.txt, pyproject.toml, a lock or a script; - for standard input. Repeatable.",
    ),
    click.option("--lock", "locks", metavar="FILE", multiple=True, help="A lock, taken as it is. Repeatable."),
    click.option(
        "--constraint", "-c", "constraints", metavar="FILE", multiple=True, help="Bounds, as pip's. Repeatable."
    ),
    click.option(
        "--python", "pythons", metavar="3.12", multiple=True, help="For this Python, or several. Default: the node's."
    ),
    click.option(
        "--platform",
        "platforms",
        metavar="NAME",
        multiple=True,
        help="For this platform, or several: linux, windows, macos, or as uv's --python-platform. Default: the node's.",
    ),
    click.option("--universal", is_flag=True, help="For every environment that the files allow."),
    click.option("--sdists", is_flag=True, help="Also files that are no wheels."),
    click.option("--build-requirements", is_flag=True, help="Also what builds them."),
    click.option("--newest", metavar="N", type=click.IntRange(1, 50), default=1, help="Of each project the newest N."),
    click.option("--extra", "extras", metavar="NAME", multiple=True, help="An extra of the files. Repeatable; or all."),
    click.option("--group", "groups", metavar="NAME", multiple=True, help="A dependency group. Repeatable; or all."),
)


def wanted_options(command: F) -> F:
    """Give a command the parameters that `wanted_from` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def wanted_from(
    *,
    requirements: tuple[str, ...],
    locks: tuple[str, ...],
    constraints: tuple[str, ...],
    pythons: tuple[str, ...],
    platforms: tuple[str, ...],
    universal: bool,
    **more: Any,
) -> Wanted:
    """What the options say.  Raises click.UsageError."""
    from tiercache.commands.handed_in import HandedIn, read_file
    from tiercache.wire.prefetch import Wanted

    if not requirements and not locks:
        raise click.UsageError("say what is wanted, with -r or --lock")
    if universal and (pythons or platforms):
        raise click.UsageError("--universal is every environment: name no Python and no platform beside it")
    handed_in = HandedIn.of(read_file, requirements=requirements, locks=locks, constraints=constraints)
    return Wanted(
        documents=tuple(handed_in.documents),
        constraints=tuple(handed_in.constraints),
        targets=_targets(pythons, platforms),
        universal=universal,
        **more,
    )


def _targets(pythons: tuple[str, ...], platforms: tuple[str, ...]) -> tuple[Target, ...]:
    """Each Python on each platform; where one of the two is not said it is this machine's."""
    import msgspec

    from tiercache.errors import TiercacheError
    from tiercache.prefetch.environments import PLATFORMS, own_target
    from tiercache.wire.prefetch import MOST_TARGETS, Target

    if not pythons and not platforms:
        return ()
    for platform in platforms:
        if platform not in PLATFORMS:
            raise click.UsageError(f"there is no platform {platform}; there are {', '.join(PLATFORMS)}")
    if not pythons or not platforms:
        try:
            own = own_target(this_machine())
        except TiercacheError as error:
            raise click.UsageError(str(error)) from error
        pythons, platforms = pythons or (own.python,), platforms or (own.platform,)
    stated = [{"python": python, "platform": platform} for python in pythons for platform in platforms]
    if len(stated) > MOST_TARGETS:
        raise click.UsageError(f"these are more than {MOST_TARGETS} environments")
    try:
        return msgspec.convert(stated, tuple[Target, ...])
    except msgspec.ValidationError as error:
        raise click.UsageError("a Python is named as 3.12 or 3.12.4") from error


def this_machine() -> Any:
    """The facts of the Python that runs this command."""
    import platform

    from tiercache.prefetch.environments import Machine

    return Machine(
        python=platform.python_version(),
        system=platform.system(),
        machine=platform.machine(),
        libc=platform.libc_ver(),
    )
