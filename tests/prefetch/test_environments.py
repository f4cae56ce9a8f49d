"""Targets as environments, and a machine as a target."""

from __future__ import annotations

import pytest

from tiercache.errors import WantedUnusable
from tiercache.policy.environments import markers_of, tags_of
from tiercache.prefetch.environments import PLATFORMS, Machine, environment_of, own_target
from tiercache.wire.prefetch import Target

GLIBC = ("glibc", "2.36")


@pytest.mark.parametrize("word", PLATFORMS)
def test_every_platform_has_markers_and_takes_pure_wheels(word: str) -> None:
    environment = environment_of(Target(python="3.12", platform=word))
    assert markers_of(environment)["python_version"] == "3.12"
    assert {"py3-none-any"} <= {str(tag) for tag in tags_of(environment)}


@pytest.mark.parametrize(("python", "full"), [("3.9", "3.9.0"), ("3.14.2", "3.14.2")])
def test_the_python_of_a_target_is_that_of_its_environment(python: str, full: str) -> None:
    environment = environment_of(Target(python=python, platform="linux"))
    assert markers_of(environment)["python_full_version"] == full


def test_a_platform_without_a_word_is_refused_with_those_that_have_one() -> None:
    with pytest.raises(WantedUnusable, match=r"no platform amiga; there are windows, .*x86_64-apple-darwin"):
        environment_of(Target(python="3.12", platform="amiga"))


@pytest.mark.parametrize(
    ("system", "machine", "libc", "word"),
    [
        ("Linux", "x86_64", GLIBC, "x86_64-manylinux_2_36"),
        ("Linux", "x86_64", ("glibc", "2.17"), "x86_64-manylinux_2_17"),
        ("Linux", "x86_64", ("glibc", "2.30"), "x86_64-manylinux_2_28"),
        ("Linux", "aarch64", ("glibc", "2.99"), "aarch64-manylinux_2_40"),
        ("Linux", "riscv64", ("glibc", "2.41"), "riscv64-unknown-linux"),
        ("Linux", "x86_64", ("", ""), "x86_64-unknown-linux-musl"),
        ("Darwin", "arm64", ("", ""), "aarch64-apple-darwin"),
        ("Darwin", "x86_64", ("", ""), "x86_64-apple-darwin"),
        ("Windows", "AMD64", ("", ""), "x86_64-pc-windows-msvc"),
        ("Windows", "ARM64", ("", ""), "aarch64-pc-windows-msvc"),
        ("Windows", "x86", ("", ""), "i686-pc-windows-msvc"),
    ],
)
def test_a_machine_is_the_nearest_target_that_promises_nothing_which_it_lacks(
    system: str, machine: str, libc: tuple[str, str], word: str
) -> None:
    own = own_target(Machine(python="3.12.4", system=system, machine=machine, libc=libc))
    assert own == Target(python="3.12.4", platform=word)
    assert own.platform in PLATFORMS


def test_a_python_of_before_its_release_counts_as_the_release() -> None:
    assert own_target(Machine(python="3.15.0b1", system="Linux", machine="x86_64", libc=GLIBC)).python == "3.15.0"


@pytest.mark.parametrize(
    ("python", "system", "machine", "libc"),
    [
        ("3.12.4", "Linux", "s390x", GLIBC),
        ("3.12.4", "Linux", "x86_64", ("glibc", "2.12")),
        ("3.12.4", "Linux", "riscv64", ("glibc", "2.38")),
        ("3.12.4", "Linux", "x86_64", ("glibc", "junk")),
        ("3.12.4", "FreeBSD", "amd64", ("", "")),
        ("2.7.18", "Linux", "x86_64", GLIBC),
    ],
)
def test_a_machine_without_a_word_has_no_target_of_its_own(
    python: str, system: str, machine: str, libc: tuple[str, str]
) -> None:
    with pytest.raises(WantedUnusable, match="name the Python and the platform"):
        own_target(Machine(python=python, system=system, machine=machine, libc=libc))
