"""Where somebody installs: an interpreter on a platform, in the markers and wheel tags that installers judge files by.

No page, lock or client here: who asks knows the environment (a target of a prefetch, the User-Agent of a client), and
`best_files` chooses for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

from attrs import frozen
from packaging import tags
from packaging.tags import Tag

System = Literal["linux", "macos", "windows"]
Libc = Literal["glibc", "musl"]

TagRanks = Mapping[Tag, int]
"""Each wheel tag that an environment takes, with its rank: 0 is the best.  Its order is that of the ranks."""

MOST_MINOR = 200
"""Of a libc, a macOS or a Python; a version above it is read as this one, so that nobody's word makes long lists."""

LOWEST_MACOS = (10, 4)
LOWEST_GLIBC = {"x86_64": 5, "i686": 5}
"""The first minor version of glibc 2 with a manylinux of the machine (PEP 600); 2.17 for others."""

LEGACY_MANYLINUX = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
"""By minor version of glibc 2 (PEP 600)."""


@frozen(kw_only=True)
class Platform:
    """A kind of machine.  `machine` as wheel tags have it (`x86_64`, `aarch64`, `arm64`, `i686`, `amd64`, `win32`).

    `version`: of macOS, or of the C library that Linux has; no matter on Windows.
    """

    system: System
    machine: str
    version: tuple[int, int] = (0, 0)
    libc: Libc = "glibc"


@frozen(kw_only=True)
class Environment:
    """An interpreter on a platform.  `python` as in `(3, 12)` or `(3, 12, 4)`; without the third it is 0."""

    python: tuple[int, ...]
    platform: Platform
    implementation: Literal["cpython", "pypy"] = "cpython"
    is_free_threaded: bool = False


@lru_cache(maxsize=256)
def markers_of(environment: Environment) -> Mapping[str, str]:
    """What markers are evaluated with (PEP 508), `extra` aside: nobody knows a kernel's release and version."""
    major, minor, micro = (*environment.python, 0, 0)[:3]
    full = f"{major}.{minor}.{micro}"
    os_name, sys_platform, platform_system = {
        "linux": ("posix", "linux", "Linux"),
        "macos": ("posix", "darwin", "Darwin"),
        "windows": ("nt", "win32", "Windows"),
    }[environment.platform.system]
    return MappingProxyType(
        {
            "implementation_name": environment.implementation,
            "implementation_version": full,
            "os_name": os_name,
            "platform_machine": _marker_machine(environment.platform),
            "platform_python_implementation": "CPython" if environment.implementation == "cpython" else "PyPy",
            "platform_release": "",
            "platform_system": platform_system,
            "platform_version": "",
            "python_full_version": full,
            "python_version": f"{major}.{minor}",
            "sys_platform": sys_platform,
        }
    )


@lru_cache(maxsize=256)
def tags_of(environment: Environment) -> TagRanks:
    """The wheel tags that the environment takes, the best first, as pip and uv have them on such a machine."""
    major, minor = environment.python[0], min(environment.python[1], MOST_MINOR)
    version = f"{major}{minor}"
    platforms = list(_platform_tags(environment.platform))
    found: dict[Tag, int] = {}
    for tag in _interpreter_tags(environment, (major, minor), platforms):
        found.setdefault(tag, len(found))
    interpreter = ("cp" if environment.implementation == "cpython" else "pp") + version
    for tag in tags.compatible_tags((major, minor), interpreter=interpreter, platforms=platforms):
        found.setdefault(tag, len(found))
    return MappingProxyType(found)


def _interpreter_tags(environment: Environment, python: tuple[int, int], platforms: list[str]) -> Iterator[Tag]:
    version = f"{python[0]}{python[1]}"
    # The ABI is given, always: packaging would take that of the interpreter that this runs in.
    if environment.implementation == "pypy":
        return tags.generic_tags(f"pp{version}", [f"pypy{version}_pp73"], platforms)
    return tags.cpython_tags(python, [f"cp{version}{'t' if environment.is_free_threaded else ''}"], platforms)


def _platform_tags(platform: Platform) -> Iterator[str]:
    machine = platform.machine
    major, minor = platform.version[0], min(platform.version[1], MOST_MINOR)
    match platform.system:
        case "windows":
            yield machine if machine == "win32" else f"win_{machine}"
        case "macos":
            if (major, minor) >= LOWEST_MACOS:
                yield from tags.mac_platforms((min(major, MOST_MINOR), minor), machine)
        case "linux":
            yield f"linux_{machine}"
            if platform.libc == "musl":
                yield from (f"musllinux_{major}_{below}_{machine}" for below in range(minor, -1, -1))
            elif major == 2:
                for below in range(minor, LOWEST_GLIBC.get(machine, 17) - 1, -1):
                    yield f"manylinux_2_{below}_{machine}"
                    if below in LEGACY_MANYLINUX:
                        yield f"{LEGACY_MANYLINUX[below]}_{machine}"


def _marker_machine(platform: Platform) -> str:
    # As platform.machine() says it there.
    if platform.system == "windows":
        return {"amd64": "AMD64", "arm64": "ARM64", "win32": "x86"}.get(platform.machine, platform.machine)
    return platform.machine
