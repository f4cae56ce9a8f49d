"""Targets of a prefetch as environments, and this machine as a target.  Pure: what the machine is, is handed in."""

from __future__ import annotations

import re

from attrs import frozen

from tiercache.errors import WantedUnusable
from tiercache.policy.environments import Environment, Platform
from tiercache.wire.prefetch import Target

MACOS = (13, 0)
"""What uv takes for a macOS whose version nobody says."""

MUSL = (1, 2)

GLIBC_MINORS = (17, 28, *range(31, 41))
"""The manylinux versions that uv has a word for."""

WINDOWS = Platform(system="windows", machine="amd64")


def _glibc(machine: str, minor: int) -> Platform:
    return Platform(system="linux", machine=machine, version=(2, minor))


def _musl(machine: str) -> Platform:
    return Platform(system="linux", machine=machine, version=MUSL, libc="musl")


PLATFORMS = {
    "windows": WINDOWS,
    "x86_64-pc-windows-msvc": WINDOWS,
    "aarch64-pc-windows-msvc": Platform(system="windows", machine="arm64"),
    "i686-pc-windows-msvc": Platform(system="windows", machine="win32"),
    "linux": _glibc("x86_64", 28),
    "x86_64-unknown-linux-gnu": _glibc("x86_64", 28),
    "aarch64-unknown-linux-gnu": _glibc("aarch64", 28),
    "riscv64-unknown-linux": _glibc("riscv64", 39),
    "x86_64-unknown-linux-musl": _musl("x86_64"),
    "aarch64-unknown-linux-musl": _musl("aarch64"),
    **{f"{machine}-manylinux2014": _glibc(machine, 17) for machine in ("x86_64", "aarch64")},
    **{
        f"{machine}-manylinux_2_{minor}": _glibc(machine, minor)
        for machine in ("x86_64", "aarch64")
        for minor in GLIBC_MINORS
    },
    "macos": Platform(system="macos", machine="arm64", version=MACOS),
    "aarch64-apple-darwin": Platform(system="macos", machine="arm64", version=MACOS),
    "x86_64-apple-darwin": Platform(system="macos", machine="x86_64", version=MACOS),
}
"""By the words of uv's `--python-platform`; telephones and browsers are left out."""


@frozen(kw_only=True)
class Machine:
    """Facts of a running interpreter, as Python's `platform` module words them.

    `python` as in `3.12.4`, `system` as in `Linux`, `machine` as in `x86_64`; `libc` its name and version, empty where
    there is none, or it is not known (musl).
    """

    python: str
    system: str
    machine: str
    libc: tuple[str, str] = ("", "")


def environment_of(target: Target) -> Environment:
    """Where a target installs; raises WantedUnusable for a platform that has no such word."""
    platform = PLATFORMS.get(target.platform)
    if platform is None:
        raise WantedUnusable(reason=f"there is no platform {target.platform}; there are {', '.join(PLATFORMS)}")
    return Environment(python=tuple(int(part) for part in target.python.split(".")), platform=platform)


def own_target(machine: Machine) -> Target:
    """The target that is nearest to a machine and promises nothing that it lacks; raises WantedUnusable without one."""
    python = re.match(r"3\.[0-9]{1,2}(\.[0-9]{1,3})?", machine.python, re.ASCII)
    platform = _own_platform(machine)
    if python is None or platform is None:
        reason = f"this machine ({machine.python} on {machine.system} {machine.machine}) is none that has a word"
        raise WantedUnusable(reason=f"{reason}: name the Python and the platform")
    return Target(python=python[0], platform=platform)


def _own_platform(machine: Machine) -> str | None:
    kind = {"amd64": "x86_64", "arm64": "aarch64", "x86": "i686"}.get(machine.machine.lower(), machine.machine.lower())
    match machine.system:
        case "Windows":
            word = f"{kind}-pc-windows-msvc"
        case "Darwin":
            word = f"{kind}-apple-darwin"
        case "Linux" if machine.libc[0] == "glibc":
            return _glibc_word(kind, machine.libc[1])
        case "Linux":
            word = f"{kind}-unknown-linux-musl"
        case _:
            return None
    return word if word in PLATFORMS else None


def _glibc_word(kind: str, libc_version: str) -> str | None:
    found = re.fullmatch(r"2\.([0-9]{1,4})", libc_version, re.ASCII)
    words = [f"{kind}-unknown-linux", *(f"{kind}-manylinux_2_{minor}" for minor in GLIBC_MINORS)]
    fitting = [word for word in words if found and word in PLATFORMS and PLATFORMS[word].version[1] <= int(found[1])]
    return fitting[-1] if fitting else None
