"""What the word `pypi` stands for: pip's index, as pip itself would find it, but never this node."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypi_simple import PYPI_SIMPLE_ENDPOINT

from tiercache.config import Secret, TierConfig
from tiercache.config.addresses import OwnAddresses
from tiercache.upstream.public_index import (
    PipFiles,
    pip_certificates,
    pip_files,
    pip_index_of_this_machine,
    public_index_url,
    read_pip_file,
    tier_with_public_index,
)

FILES = PipFiles(machine=("/etc/xdg", "/etc"), user=("/legacy", "/user"), environment=("/venv",))
NODE = OwnAddresses(listen=("tcp:8141:interface=127.0.0.1",), hostname="laptop.example")

A, B, C, D = (f"https://{name}.example/simple/" for name in "abcd")


def conf(url: str, section: str = "global", key: str = "index-url") -> str:
    return f"[{section}]\n{key} = {url}\n"


def found(
    environ: Mapping[str, str] | None = None, files: Mapping[str, str] | None = None, own: OwnAddresses = NODE
) -> str:
    return public_index_url(environ or {}, files=FILES, read_file=(files or {}).get, own_addresses=own)


def test_nothing_configured_is_the_constant_of_the_library() -> None:
    assert found() == PYPI_SIMPLE_ENDPOINT
    assert PYPI_SIMPLE_ENDPOINT.startswith("https://")


def test_the_constant_is_found_without_importing_what_the_library_needs() -> None:
    code = (
        "import sys; from tiercache.upstream.public_index import well_known_index_url;"
        "well_known_index_url(); print(sorted({'pypi_simple', 'requests', 'bs4', 'pydantic'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


ORDER = ["/etc/xdg", "/etc", "/legacy", "/user", "/venv"]


@pytest.mark.parametrize("winner", range(len(ORDER)))
def test_later_file_of_pip_wins_over_the_earlier(winner: int) -> None:
    files = {path: conf(f"https://{index}.example/simple/") for index, path in enumerate(ORDER[: winner + 1])}
    assert found(files=files) == f"https://{winner}.example/simple/"


@pytest.mark.parametrize(
    ("environ", "files", "url"),
    [
        # the environment wins over every file, whatever its section
        ({"PIP_INDEX_URL": A}, {"/venv": conf(B, "install")}, A),
        ({"PIP_INDEX_URL": f"  {A} "}, {}, A),
        ({"PIP_index_url": A}, {}, A),
        ({"PIP_PYPI_URL": A}, {}, A),
        ({"INDEX_URL": A, "pip_index_url": B}, {}, PYPI_SIMPLE_ENDPOINT),
        # an empty value is none
        ({"PIP_INDEX_URL": ""}, {"/user": conf(B)}, B),
        ({}, {"/venv": conf(""), "/user": conf(B)}, B),
        # a command's section wins over [global], whichever file it stands in
        ({}, {"/etc": conf(A, "install"), "/venv": conf(B)}, A),
        ({}, {"/etc": conf(A, "download"), "/venv": conf(B)}, A),
        ({}, {"/etc": conf(A, "install"), "/venv": conf(B, "download")}, A),
        ({}, {"/etc": conf(A, "wheel")}, PYPI_SIMPLE_ENDPOINT),
        # every spelling of the key
        ({}, {"/user": conf(A, key="index_url")}, A),
        ({}, {"/user": conf(A, key="Index-URL")}, A),
        ({}, {"/user": conf(A, key="--index-url")}, A),
        ({}, {"/user": conf(A, key="extra-index-url")}, PYPI_SIMPLE_ENDPOINT),
        # PIP_CONFIG_FILE wins over the files, and takes the place of the user's
        ({"PIP_CONFIG_FILE": "/named"}, {"/named": conf(A), "/venv": conf(B)}, A),
        ({"PIP_CONFIG_FILE": "/named"}, {"/named": "", "/user": conf(B), "/etc": conf(C)}, C),
        ({"PIP_CONFIG_FILE": "/missing"}, {"/user": conf(B), "/etc": conf(C)}, B),
        ({"PIP_CONFIG_FILE": os.devnull}, {path: conf(A) for path in ORDER}, PYPI_SIMPLE_ENDPOINT),
        ({"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": D}, {"/user": conf(A)}, D),
        # a file that is broken, and an index that is none to ask over HTTP
        ({}, {"/venv": "no section", "/user": conf(B)}, B),
        ({}, {"/venv": conf(A) + conf(A), "/user": conf(B)}, B),
        ({"PIP_INDEX_URL": "file:///srv/simple"}, {"/user": conf(B)}, B),
        ({"PIP_INDEX_URL": "/srv/simple"}, {}, PYPI_SIMPLE_ENDPOINT),
        ({"PIP_INDEX_URL": "https://%ZZ:x:y/"}, {}, PYPI_SIMPLE_ENDPOINT),
        ({}, {"/user": conf("https://u:100%25@a.example/%(x)s/")}, "https://u:100%25@a.example/%(x)s/"),
    ],
)
def test_index_is_the_one_that_pip_would_use(environ: dict[str, str], files: dict[str, str], url: str) -> None:
    assert found(environ, files) == url


OURSELVES = [
    "http://127.0.0.1:8141/simple/",
    "http://127.0.0.1:8141/simple",
    "http://127.0.0.1:8141/local/",
    "http://ann:secret@127.0.0.1:8141/simple/",
    "http://localhost:8141/simple/",
    "http://LOCALHOST:8141/simple/",
    "http://[::1]:8141/simple/",
    "https://packages.example/simple/",
    "https://packages.example:443/local/",
]


@pytest.mark.parametrize("url", OURSELVES)
def test_pip_pointed_at_this_node_is_passed_over(url: str) -> None:
    own = OwnAddresses(
        listen=("tcp:8141:interface=127.0.0.1",), public_url="https://packages.example/", hostname="laptop.example"
    )
    assert found({"PIP_INDEX_URL": url}, own=own) == PYPI_SIMPLE_ENDPOINT
    assert found(files={"/user": conf(url)}, own=own) == PYPI_SIMPLE_ENDPOINT
    # What pip would use otherwise is still meant: the index of the machine's owner, say.
    assert found({"PIP_INDEX_URL": url}, {"/user": conf(url), "/etc": conf(B)}, own) == B
    assert found(files={"/venv": conf(url, "install"), "/etc": conf(B)}, own=own) == B


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:3141/root/", "http://localhost/simple/", "http://office.example:8141/simple/"]
)
def test_other_index_nearby_is_not_taken_for_this_node(url: str) -> None:
    assert found({"PIP_INDEX_URL": url}) == url


@given(st.text(max_size=200), st.text(max_size=50))
def test_whatever_stands_in_the_files_there_is_an_index(text: str, url: str) -> None:
    assert found({"PIP_INDEX_URL": url}, {"/user": text}).startswith("http")


# -- the tier ---------------------------------------------------------------------------------------------------


def test_credentials_of_the_index_become_the_tier_s() -> None:
    tier = tier_with_public_index(TierConfig(url="pypi"), "https://ann:s3%40cret@a.example/simple/")
    assert tier == TierConfig(
        url="https://a.example/simple/", name="pypi", kind="origin", user="ann", password=Secret("s3@cret")
    )
    assert "s3" not in repr(tier)


def test_tier_s_own_credentials_win_over_those_of_the_index() -> None:
    index = "https://ann:x@a.example/simple/"
    with_token = tier_with_public_index(TierConfig(url="pypi", token=Secret("t")), index)
    assert (with_token.url, with_token.user, with_token.token) == ("https://a.example/simple/", None, Secret("t"))
    with_user = tier_with_public_index(TierConfig(url="pypi", user="bob", password=Secret("p")), index)
    assert (with_user.url, with_user.user, with_user.password) == ("https://a.example/simple/", "bob", Secret("p"))


def test_tier_with_an_address_of_its_own_is_left_alone() -> None:
    tier = TierConfig(url="https://b.example/")
    assert tier_with_public_index(tier, A) is tier


# -- the real files ---------------------------------------------------------------------------------------------


def test_real_files_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(conf("http://127.0.0.1:8141/simple/"), encoding="utf-8")
    named = tmp_path / "named.conf"
    named.write_text(conf(A), encoding="utf-8")
    environ = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    files = pip_files(environ, home=tmp_path, prefix=str(tmp_path), platform="linux")
    assert read_pip_file(str(folder / "pip.conf")) is not None
    assert str(folder / "pip.conf") in files.user
    assert pip_index_of_this_machine(NODE, {**environ, "PIP_CONFIG_FILE": str(named)}) == A
    assert pip_index_of_this_machine(NODE, {**environ, "PIP_INDEX_URL": B}) == B
    assert pip_index_of_this_machine(NODE, {**environ, "PIP_CONFIG_FILE": os.devnull}) == PYPI_SIMPLE_ENDPOINT


def test_files_of_other_systems_are_where_pip_has_them_there(tmp_path: Path) -> None:
    mac = pip_files({}, home=tmp_path, prefix="/venv", platform="darwin")
    assert mac.machine == ("/Library/Application Support/pip/pip.conf",)
    assert mac.user == (str(tmp_path / ".pip/pip.conf"), str(tmp_path / ".config/pip/pip.conf"))
    support = tmp_path / "Library" / "Application Support" / "pip"
    support.mkdir(parents=True)
    mac = pip_files({}, home=tmp_path, prefix="/venv", platform="darwin")
    assert mac.user[-1] == str(support / "pip.conf")
    windows = pip_files({"APPDATA": "/roaming", "PROGRAMDATA": "/all"}, home=tmp_path, prefix="/venv", platform="win32")
    assert windows.machine == ("/all/pip/pip.ini",)
    assert windows.user == (str(tmp_path / "pip/pip.ini"), "/roaming/pip/pip.ini")
    assert windows.environment == ("/venv/pip.ini",)


def test_file_that_cannot_be_read_counts_as_none(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"[global]\nindex-url = \xff\n")
    assert read_pip_file(str(tmp_path / "binary")) is None
    assert read_pip_file(str(tmp_path)) is None
    assert read_pip_file(str(tmp_path / "missing")) is None


@pytest.mark.slow
@pytest.mark.parametrize("folders", [{}, {"XDG_CONFIG_HOME": "/x/home", "XDG_CONFIG_DIRS": "/x/one:/x/two"}])
def test_files_are_where_pip_itself_looks(folders: dict[str, str], tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "PATH": os.environ["PATH"], **folders}
    run = subprocess.run(
        [sys.executable, "-m", "pip", "config", "debug"], env=environ, capture_output=True, text=True, check=True
    )
    lines = [line.strip() for line in run.stdout.splitlines()]
    asked = [line.partition(", exists:")[0] for line in lines if ", exists:" in line]
    files = pip_files(environ, home=tmp_path, prefix=sys.prefix, platform=sys.platform)
    assert sorted(asked) == sorted([*files.machine, *files.user, *files.environment])


@pytest.mark.parametrize(
    ("files", "bundle"),
    [
        ({}, None),
        ({"/user": "[global]\ncert = /etc/own.pem\n"}, "/etc/own.pem"),
        ({"/etc": "[global]\ncert = /etc/own.pem\n", "/user": "[install]\ncert = /home/own.pem\n"}, "/home/own.pem"),
    ],
)
def test_certificates_that_pip_is_configured_to_trust_are_known(files: Mapping[str, str], bundle: str | None) -> None:
    assert pip_certificates({}, files=FILES, read_file=files.get) == bundle
    assert pip_certificates({"PIP_CONFIG_FILE": os.devnull}, files=FILES, read_file=files.get) is None
