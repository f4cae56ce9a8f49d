"""What installers say of themselves, as they send it, and what is made of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.environments import markers_of
from tiercache.prefetch.client_environment import LONGEST, ClientEnvironment, environment_told

PIP = {
    "ci": None,
    "cpu": "x86_64",
    "distro": {
        "id": "trixie",
        "libc": {"lib": "glibc", "version": "2.41"},
        "name": "Debian GNU/Linux",
        "version": "13",
    },
    "implementation": {"name": "CPython", "version": "3.13.5"},
    "installer": {"name": "pip", "version": "26.3"},
    "openssl_version": "OpenSSL 3.5.1 1 Jul 2025",
    "python": "3.13.5",
    "system": {"name": "Linux", "release": "6.12.41"},
}


def pip(**changes: object) -> str:
    return f"pip/26.3 {json.dumps({**PIP, **changes}, separators=(',', ':'))}"


def uv(*subcommand: str) -> str:
    told = {**PIP, "installer": {"name": "uv", "version": "0.13.9", "subcommand": list(subcommand)}}
    return f"uv/0.13.9 {json.dumps(told, separators=(',', ':'))}"


def known(user_agent: str) -> ClientEnvironment:
    found = environment_told(user_agent)
    assert found is not None
    return found


def test_pip_says_which_python_and_which_machine_it_installs_for() -> None:
    found = known(pip())
    assert found.own.python == (3, 13, 5)
    assert (found.own.platform.system, found.own.platform.machine) == ("linux", "x86_64")
    assert (found.target.python, found.target.platform) == ("3.13.5", "x86_64-manylinux_2_40")
    assert found.counted == (found.own,)
    assert not found.is_universal


def test_a_linux_without_glibc_is_one_with_musl() -> None:
    assert known(pip(distro={"name": "Alpine Linux", "version": "3.22"})).own.platform.libc == "musl"


def test_wheels_for_the_macos_that_the_client_says_it_has_are_its_own() -> None:
    found = known(pip(cpu="arm64", system={"name": "Darwin"}, distro={"name": "macOS", "version": "15.6.1"}))
    assert found.own.platform.version == (15, 6)
    assert known(pip(cpu="arm64", system={"name": "Darwin"}, distro=None)).own.platform.version == (13, 0)


def test_windows_is_known() -> None:
    assert known(pip(cpu="AMD64", system={"name": "Windows"}, distro=None)).target.platform == "x86_64-pc-windows-msvc"


def test_pypy_is_known() -> None:
    assert known(pip(implementation={"name": "PyPy", "version": "7.3.19"})).own.implementation == "pypy"


@pytest.mark.parametrize("subcommand", [("pip", "install"), ("tool", "install"), ()])
def test_uv_resolves_for_one_environment(subcommand: tuple[str, ...]) -> None:
    assert known(uv(*subcommand)).counted == (known(pip()).own,)


@pytest.mark.parametrize("subcommand", [("pip", "install"), ("pip", "sync"), ("tool", "run")])
def test_uv_says_that_it_installs(subcommand: tuple[str, ...]) -> None:
    assert known(uv(*subcommand)).installs


@pytest.mark.parametrize("subcommand", [("pip", "compile"), ("lock",), ("sync",), ()])
def test_of_uv_that_compiles_or_locks_it_is_not_known_whether_it_installs_all_that_it_resolves(
    subcommand: tuple[str, ...],
) -> None:
    assert not known(uv(*subcommand)).installs
    assert not known(pip()).installs


@pytest.mark.parametrize("subcommand", ["lock", "sync", "add", "run"])
def test_uv_locks_for_every_platform(subcommand: str) -> None:
    found = known(uv(subcommand))
    assert found.is_universal
    assert {markers_of(one)["sys_platform"] for one in found.counted} == {"linux", "darwin", "win32"}


@pytest.mark.parametrize(
    "user_agent", ["poetry/2.5.1 CPython/3.11.7 Linux/6.18", "pdm/2.29.3 CPython/3.11.7 Linux/6.18"]
)
def test_poetry_and_pdm_lock_for_every_platform_and_say_no_machine(user_agent: str) -> None:
    found = known(user_agent)
    assert found.own.python == (3, 11, 7)
    assert found.is_universal


@pytest.mark.parametrize(
    "user_agent",
    [
        "",
        "Mozilla/5.0 (X11; Linux x86_64)",
        "curl/8.14",
        "bandersnatch/8.0",
        "tiercache/0.1",
        "pip/26.3",
        "pip/26.3 {",
        "pip/26.3 []",
        "pip/26.3 {}",
        "pip/26.3 " + '{"a":' * 300 + "1" + "}" * 300,
        pip(python=3),
        pip(python="two"),
        pip(python=None),
        pip(cpu=None),
        pip(cpu=["x86_64"]),
        pip(cpu="pdp11"),
        pip(system="Linux"),
        pip(system={"name": "Plan 9"}),
        pip(implementation={"name": "Jython"}),
        pip(implementation=None),
        pip(user_data="x" * LONGEST),
        "poetry/2.5.1 Jython/2.7 Java/8",
        "poetry/2.5.1 CPython/x Linux/6",
    ],
)
def test_who_says_nothing_of_use_has_no_environment(user_agent: str) -> None:
    assert environment_told(user_agent) is None


def test_a_version_of_pythons_future_and_one_with_letters_are_read_as_far_as_they_go() -> None:
    assert known(pip(python="3.99.0rc1")).own.python == (3, 99, 0)


@given(st.text(max_size=200))
def test_no_text_is_an_error(text: str) -> None:
    environment_told(text)
    environment_told(f"pip/26 {text}")
    environment_told(f"uv/0.13 {{{text}}}")
    environment_told(f"pdm/2 CPython/{text} Linux/{text}")


@given(
    st.dictionaries(
        st.sampled_from(sorted(PIP)),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=20),
            lambda inner: st.dictionaries(st.sampled_from(["name", "version", "libc", "lib", "subcommand"]), inner),
            max_leaves=6,
        ),
    )
)
def test_no_json_is_an_error(changes: dict[str, object]) -> None:
    environment_told(pip(**changes))
