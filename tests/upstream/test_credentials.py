"""Credentials stay with their host, and are never shown."""

from pathlib import Path

import pytest

from tiercache.upstream.credentials import Credentials, credentials_of, netrc_path
from tiercache.upstream.target import Target

BASE = Target.parse("https://index.example/simple/")
ALICE = "Basic YWxpY2U6czNjcmV0"  # alice:s3cret


@pytest.fixture
def netrc_file(tmp_path: Path) -> Path:
    path = tmp_path / "netrc"
    path.write_text(
        "machine index.example login alice password s3cret\n"
        "machine files.example login files password f1les\n"
        "machine private.example login root password toor\n"
    )
    return path


@pytest.mark.parametrize(
    ("url", "given", "sent"),
    [
        ("https://index.example/simple/", {}, None),
        ("https://alice:s3cret@index.example/simple/", {}, ALICE),
        ("https://index.example/simple/", {"user": "alice", "password": "s3cret"}, ALICE),
        ("https://bob:other@index.example/simple/", {"user": "alice", "password": "s3cret"}, ALICE),
        ("https://bob:other@index.example/simple/", {"token": "t0ken"}, "Bearer t0ken"),
        ("https://alice@index.example/simple/", {}, "Basic YWxpY2U6"),
    ],
)
def test_a_token_wins_over_a_user_and_a_user_over_the_url(url: str, given: dict[str, str], sent: str | None) -> None:
    assert credentials_of(Target.parse(url), **given).authorization(BASE) == sent


def test_netrc_speaks_for_the_tiers_own_host(netrc_file: Path) -> None:
    assert credentials_of(BASE, netrc_file=netrc_file).authorization(BASE) == ALICE


def test_what_is_configured_wins_over_netrc(netrc_file: Path) -> None:
    credentials = credentials_of(BASE, token="t0ken", netrc_file=netrc_file)
    assert credentials.authorization(BASE) == "Bearer t0ken"


def test_netrc_speaks_for_other_hosts_only_if_they_are_declared_and_only_over_https(netrc_file: Path) -> None:
    credentials = credentials_of(BASE, netrc_file=netrc_file, declared_hosts=["files.example"])
    assert credentials.authorization(Target.parse("https://files.example/a")) is not None
    assert credentials.authorization(Target.parse("http://files.example/a")) is None
    assert credentials.authorization(Target.parse("https://private.example/a")) is None


@pytest.mark.parametrize("text", ["machine", "machine a.example login", "\x00\xff", "machine a login b password 's"])
def test_a_broken_netrc_counts_for_nothing(tmp_path: Path, text: str) -> None:
    path = tmp_path / "netrc"
    path.write_bytes(text.encode("latin-1"))
    assert credentials_of(BASE, netrc_file=path).authorization(BASE) is None


def test_a_missing_netrc_counts_for_nothing(tmp_path: Path) -> None:
    assert credentials_of(BASE, netrc_file=tmp_path / "none").authorization(BASE) is None


@pytest.mark.parametrize(
    "url",
    [
        "http://index.example/simple/",
        "https://index.example:8443/simple/",
        "https://www.index.example/simple/",
        "https://example/simple/",
        "https://index.example.evil.example/",
    ],
)
def test_credentials_are_for_one_scheme_name_and_port(url: str) -> None:
    credentials = credentials_of(BASE, user="alice", password="s3cret")
    assert credentials.authorization(BASE.join("/other/path")) == ALICE
    assert credentials.authorization(Target.parse(url)) is None


def test_a_file_that_is_listed_with_userinfo_is_asked_for_with_it() -> None:
    assert Credentials().authorization(Target.parse("https://alice:s3cret@files.example/a.whl")) == ALICE


def test_no_repr_shows_credentials(netrc_file: Path) -> None:
    base = Target.parse("https://alice:s3cret@index.example/")
    for credentials in (credentials_of(base), credentials_of(base, token="t0ken"), credentials_of(BASE)):
        shown = repr(credentials) + str(credentials)
        assert not any(word in shown for word in ("s3cret", "t0ken", "YWxpY2U6", "alice"))


def test_the_variable_netrc_names_the_file() -> None:
    home = Path("/home/alice")
    assert netrc_path({"NETRC": "/etc/netrc"}, home) == Path("/etc/netrc")
    assert netrc_path({}, home) == home / ".netrc"
