"""The lines to paste, read as the client reads them."""

from __future__ import annotations

import configparser
import tomllib

import pytest

from tiercache.client_config import CLIENTS, client_config

HERE = "http://127.0.0.1:8141/"
OFFICE = "http://office.example:8141/"
TLS = "https://packages.example/pypi/"

# The address, and whether pip and pdm trust the way there without being told.
ADDRESSES = [
    (HERE, True),
    ("http://localhost:8141/", True),
    ("http://127.8.9.10:8141/", True),
    ("http://[::1]:8141/", True),
    (TLS, True),
    (OFFICE, False),
    ("http://10.0.0.5:8141/", False),
    ("http://[fd00::1]:8141/", False),
    ("http://localhost.example/", False),
]


def ini(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser()
    parser.read_string(text)
    return parser


@pytest.mark.parametrize(("base_url", "is_trusted"), ADDRESSES)
def test_pip_gets_the_index_and_trusts_plain_http_beyond_this_machine_only_when_told(
    base_url: str, is_trusted: bool
) -> None:
    settings = ini(client_config("pip", base_url))
    assert settings.sections() == ["global"]
    assert settings["global"]["index-url"] == f"{base_url}simple/"
    netloc = base_url.split("/")[2]
    assert settings["global"].get("trusted-host") == (None if is_trusted else netloc)


@pytest.mark.parametrize(
    ("base_url", "publish_url"),
    [
        (HERE, "http://anyone:anyone@127.0.0.1:8141/legacy/"),  # without a name uv does not publish
        (OFFICE, f"{OFFICE}legacy/"),
        (TLS, f"{TLS}legacy/"),
    ],
)
def test_uv_gets_the_only_index_and_where_to_publish(base_url: str, publish_url: str) -> None:
    index = {
        "name": "tiercache",
        "url": f"{base_url}simple/",
        "publish-url": publish_url,
        "default": True,
    }
    assert tomllib.loads(client_config("uv", base_url)) == {"index": [index]}


@pytest.mark.parametrize("base_url", [HERE, OFFICE, TLS])
def test_poetry_gets_a_primary_source(base_url: str) -> None:
    source = {"name": "tiercache", "url": f"{base_url}simple/", "priority": "primary"}
    assert tomllib.loads(client_config("poetry", base_url)) == {"tool": {"poetry": {"source": [source]}}}


@pytest.mark.parametrize(("base_url", "is_trusted"), ADDRESSES)
def test_pdm_gets_a_source_in_place_of_its_own(base_url: str, is_trusted: bool) -> None:
    source = {"name": "pypi", "url": f"{base_url}simple/", "verify_ssl": is_trusted}
    assert tomllib.loads(client_config("pdm", base_url)) == {"tool": {"pdm": {"source": [source]}}}


@pytest.mark.parametrize("client", ["twine", "flit"])
@pytest.mark.parametrize(("base_url", "user"), [(HERE, ""), ("http://[::1]:8141/", ""), (OFFICE, "__token__")])
def test_twine_and_flit_get_a_repository_and_a_name_that_no_password_is_asked_for_on_this_machine(
    base_url: str, user: str, client: str
) -> None:
    settings = ini(client_config(client, base_url))
    servers = settings["distutils"]["index-servers"].split()
    assert servers == ["tiercache"]
    assert settings["tiercache"]["repository"] == f"{base_url}legacy/"
    assert settings["tiercache"]["username"] == user
    assert settings["tiercache"].get("password") == (None if user else "")


def test_where_somebody_has_a_name_who_publishes_shows_theirs_on_this_machine_too() -> None:
    (index,) = tomllib.loads(client_config("uv", HERE, has_users=True))["index"]
    assert index["publish-url"] == f"{HERE}legacy/"
    assert ini(client_config("twine", HERE, has_users=True))["tiercache"]["username"] == "__token__"


@pytest.mark.parametrize("client", ["uv", "poetry", "pdm", "twine", "flit"])
def test_each_client_that_publishes_is_told_how(client: str) -> None:
    text = client_config(client, OFFICE)
    assert f"{OFFICE}legacy/" in text
    assert any(f"{verb} " in line for line in text.splitlines() if line[0] == "#" for verb in ("publish", "upload"))


@pytest.mark.parametrize("client", CLIENTS)
def test_each_client_is_told_which_file_the_lines_belong_in(client: str) -> None:
    first, *rest = client_config(client, HERE).splitlines()
    assert first.startswith("# ")
    assert any(file in first for file in ("pip.conf", "uv.toml", "pyproject.toml", ".pypirc"))
    assert rest


@pytest.mark.parametrize("client", CLIENTS)
def test_address_without_its_last_slash_means_the_same(client: str) -> None:
    assert client_config(client, TLS.rstrip("/")) == client_config(client, TLS)


def test_clients_are_those_of_the_command() -> None:
    assert list(CLIENTS) == ["pip", "uv", "poetry", "pdm", "twine", "flit"]
    with pytest.raises(KeyError):
        client_config("easy_install", HERE)
