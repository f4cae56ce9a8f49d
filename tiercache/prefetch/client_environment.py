"""What an installer says of itself in its User-Agent: for which Python and which machine it resolves.  Pure.

pip and uv say it in JSON behind their name, in the words of the public index's statistics; poetry and pdm say less, and
lock for every platform.  It is a guess by which only guesses are made.
"""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec
from attrs import evolve, frozen

from tiercache.errors import WantedUnusable
from tiercache.policy.environments import Environment, Platform
from tiercache.prefetch.environments import WINDOWS, Machine, environment_of, own_target
from tiercache.wire.prefetch import Target

LONGEST = 2000
"""Of a User-Agent that is read, in characters."""

UNIVERSAL = frozenset({"add", "export", "lock", "remove", "run", "sync", "tree", "version"})
"""The commands of uv that lock for every platform."""

INSTALLING = frozenset({("pip", "install"), ("pip", "sync"), ("tool", "install"), ("tool", "run")})
"""Those that resolve for where they run, and install all that they come to."""

MACOS = Platform(system="macos", machine="arm64", version=(13, 0))
LINUX = Platform(system="linux", machine="x86_64", version=(2, 28))

_TOLD = re.compile(r"(pip|uv)/\S+ (\{.*\})", re.DOTALL)
_SHORT = re.compile(r"(?:poetry|pdm)/\S+ (\w+)/(\S+) (\w+)/")
_VERSION = re.compile(r"([0-9]{1,3})\.([0-9]{1,3})")
_MACHINES = {"Darwin": "arm64", "Windows": "AMD64"}


@frozen(kw_only=True)
class _Installer:
    subcommand: tuple[str, ...] | None = None


@frozen(kw_only=True)
class _Implementation:
    name: str | None = None


@frozen(kw_only=True)
class _Libc:
    lib: str | None = None
    version: str | None = None


@frozen(kw_only=True)
class _Distro:
    version: str | None = None
    libc: _Libc | None = None


@frozen(kw_only=True)
class _System:
    name: str | None = None


@frozen(kw_only=True)
class _Told:
    """What stands in the JSON, as far as it is of use; a key that is missing is not known."""

    python: str | None = None
    cpu: str | None = None
    installer: _Installer | None = None
    implementation: _Implementation | None = None
    distro: _Distro | None = None
    system: _System | None = None


@frozen(kw_only=True)
class ClientEnvironment:
    """`own`: where wheels are chosen for.  `counted`: a requirement counts if its marker holds in any of these.

    `target` is `own` in the words of a prefetch.  `installs`: the client says that it installs what it resolves; one
    that does not say so may do it as well.
    """

    own: Environment
    counted: tuple[Environment, ...]
    target: Target
    installs: bool = False

    @property
    def is_universal(self) -> bool:
        """Whether it resolves for other platforms beside."""
        return len(self.counted) > 1


@lru_cache(maxsize=256)
def environment_told(user_agent: str) -> ClientEnvironment | None:
    """Where the sender of a User-Agent installs; None for who is no installer, or does not say enough."""
    if len(user_agent) > LONGEST:
        return None
    told = _TOLD.fullmatch(user_agent)
    if told is not None:
        return _of_json(told[2])
    short = _SHORT.match(user_agent)
    if short is None:
        return None
    implementation, python, system = short.groups()
    machine = Machine(
        python=python, system=system, machine=_MACHINES.get(system, "x86_64"), libc=("glibc", f"2.{LINUX.version[1]}")
    )
    return _environment(machine, implementation, is_universal=True)


def _of_json(text: str) -> ClientEnvironment | None:
    try:
        told = msgspec.json.decode(text, type=_Told)
    except (msgspec.MsgspecError, RecursionError):
        return None
    system = told.system.name if told.system else None
    if told.python is None or told.cpu is None or system is None:
        return None
    libc = told.distro.libc if told.distro else None
    machine = Machine(
        python=told.python,
        system=system,
        machine=told.cpu,
        libc=("", "") if libc is None else (libc.lib or "", libc.version or ""),
    )
    command = (told.installer.subcommand if told.installer else None) or ("",)
    implementation = told.implementation.name if told.implementation else None
    found = _environment(machine, implementation or "", is_universal=command[0] in UNIVERSAL)
    if found is not None and command[:2] in INSTALLING:
        found = evolve(found, installs=True)
    if found is None or system != "Darwin":
        return found
    # Wheels may be for a later macOS than the one that the target's word stands for.
    version = _VERSION.match((told.distro.version if told.distro else None) or "")
    if version is None:
        return found
    platform = evolve(found.own.platform, version=(int(version[1]), int(version[2])))
    return evolve(found, own=evolve(found.own, platform=platform))


def _environment(machine: Machine, implementation: str, *, is_universal: bool) -> ClientEnvironment | None:
    if implementation not in ("CPython", "PyPy"):
        return None
    try:
        target = own_target(machine)
        own = environment_of(target)
    except WantedUnusable:
        return None
    if implementation == "PyPy":
        own = evolve(own, implementation="pypy")
    others = tuple(evolve(own, platform=platform) for platform in (LINUX, MACOS, WINDOWS)) if is_universal else ()
    return ClientEnvironment(own=own, counted=tuple(dict.fromkeys((own, *others))), target=target)
