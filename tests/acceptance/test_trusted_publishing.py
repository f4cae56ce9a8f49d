"""uv and twine publish from a job of a CI system, without a password: over TLS, which they insist on."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.doubles.certificates import Authority
from tests.doubles.clients import Desk, Run
from tests.doubles.distributions import Archive, Release, archives
from tests.doubles.processes import TOOLS, Running, RunningNode, free_port
from tests.doubles.publishers import Login, Twine, UvPublish
from tests.doubles.served_issuer import ServedIssuer, served_issuer

AUTHORITY = Authority("the company")
JSON_TYPE = "application/vnd.pypi.simple.v1+json"

# What twine does for the public index alone, which is the only one that it asks for a token by itself.
ASK_AS_TWINE_DOES = """
import sys
from twine.auth import CredentialInput, Resolver
print("token:", Resolver({"repository": sys.argv[1]}, CredentialInput()).make_trusted_publishing_token())
"""


@pytest.fixture
def ci() -> Iterator[ServedIssuer]:
    """A CI system that has run a job of acme/tools."""
    with served_issuer() as issuer:
        yield issuer


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(AUTHORITY.pem)
    return path


@pytest.fixture
def node_at(tmp_path: Path, running: list[Running]) -> Callable[[ServedIssuer], RunningNode]:
    """A node that trusts the releases of acme, with a port that speaks TLS beside its own."""

    def start(ci: ServedIssuer) -> RunningNode:
        folder = tmp_path / "node"
        folder.mkdir()
        (folder / "server.pem").write_bytes(AUTHORITY.signed("localhost"))
        plain, secure = free_port(), free_port()
        settings = {
            "node": {
                "listen": [
                    f"tcp:{plain}:interface=127.0.0.1",
                    f"ssl:{secure}:privateKey={folder}/server.pem:interface=127.0.0.1",
                ],
                "public-url": f"https://localhost:{secure}/",
            },
            "tiers": [],
            "access": {
                "grants": [{"who": ["anyone"], "may": ["read"]}],
                "trusted-publishers": [
                    {
                        "issuer": ci.url,
                        "claims": {"repository": "acme/*", "environment": "release"},
                        "projects": ["acme-*"],
                    }
                ],
            },
        }
        node = RunningNode.prepare(folder, settings)
        node.port = plain
        running.append(node)
        node.wait_until_ready()
        return node

    return start


def secure_url(node: RunningNode) -> str:
    url: str = json.loads(node.tiers_file.read_text())["node"]["public-url"]
    return url


def release(folder: Path, name: str = "acme-tools") -> list[Archive]:
    made = folder / f"made-{name}"
    made.mkdir()
    return list(archives(Release(name=name, version="1.0"), made))


def listed(node: RunningNode, project: str = "acme-tools") -> set[str]:
    page = node.get(f"simple/{project}/", Accept=JSON_TYPE)
    return {file["filename"] for file in json.loads(page.body)["files"]} if page.status == 200 else set()


def uv_publish(desk: Desk, node: RunningNode, made: list[Archive]) -> Run:
    url = f"{secure_url(node)}legacy/"
    options = ["--trusted-publishing", "always"]
    return UvPublish(desk=desk).upload(None, *(one.path for one in made), url=url, options=options)


def test_uv_publishes_from_a_job_that_asks_for_its_token(
    ci: ServedIssuer, node_at: Callable[[ServedIssuer], RunningNode], ca: Path, tmp_path: Path
) -> None:
    node, made = node_at(ci), release(tmp_path)
    desk = Desk(folder=tmp_path / "desk", environment={"SSL_CERT_FILE": str(ca), **ci.github()})

    published = uv_publish(desk, node, made)

    assert published.succeeded, published.said
    assert listed(node) == {one.filename for one in made}
    (asked,) = [path for path in ci.asked if path.startswith("/token")]
    assert asked.startswith("/token?job=7&audience=https%3A%2F%2Flocalhost")

    (other,) = [one for one in release(tmp_path, "numpy") if one.filename.endswith(".whl")]
    refused = uv_publish(desk, node, [other])
    assert not refused.succeeded
    assert "403" in refused.said, refused.said
    assert listed(node, "numpy") == set()


def test_uv_publishes_from_a_job_that_is_given_its_token(
    ci: ServedIssuer, node_at: Callable[[ServedIssuer], RunningNode], ca: Path, tmp_path: Path
) -> None:
    node, made = node_at(ci), release(tmp_path)
    audience = secure_url(node)
    variable = re.sub(r"[^A-Z0-9]", "_", audience.upper()) + "_ID_TOKEN"
    environment = {"SSL_CERT_FILE": str(ca), **ci.gitlab(variable, audience)}
    desk = Desk(folder=tmp_path / "desk", environment=environment)

    published = uv_publish(desk, node, made)
    assert published.succeeded, published.said
    assert listed(node) == {one.filename for one in made}

    again = uv_publish(desk, node, made)
    assert not again.succeeded
    assert "422" in again.said, again.said
    assert "the token was used before" in again.said


def test_uv_shows_why_a_job_is_not_trusted(
    ci: ServedIssuer, node_at: Callable[[ServedIssuer], RunningNode], ca: Path, tmp_path: Path
) -> None:
    node, made = node_at(ci), release(tmp_path)
    ci.says["environment"] = "test"
    desk = Desk(folder=tmp_path / "desk", environment={"SSL_CERT_FILE": str(ca), **ci.github()})

    refused = uv_publish(desk, node, made)

    assert not refused.succeeded
    assert "no trusted publisher has its claims" in refused.said, refused.said
    assert listed(node) == set()


def test_twine_gets_a_token_and_uploads_with_it_and_shows_why_it_gets_none(
    ci: ServedIssuer, node_at: Callable[[ServedIssuer], RunningNode], ca: Path, tmp_path: Path
) -> None:
    node, made = node_at(ci), release(tmp_path)
    desk = Desk(folder=tmp_path / "desk", environment={"REQUESTS_CA_BUNDLE": str(ca), **ci.github()})
    url = f"{secure_url(node)}legacy/"

    given = desk.run(desk.new_folder(), TOOLS / "python", "-c", ASK_AS_TWINE_DOES, url)
    assert given.succeeded, given.said
    token = given.said.rpartition("token: ")[2].strip()
    login = Login(url=url, user="__token__", password=token)
    uploaded = Twine(desk=desk).upload(login, *(one.path for one in made))
    assert uploaded.succeeded, uploaded.said
    assert listed(node) == {one.filename for one in made}

    ci.says["repository"] = "evil/tools"
    refused = desk.run(desk.new_folder(), TOOLS / "python", "-c", ASK_AS_TWINE_DOES, url)
    assert not refused.succeeded
    assert "`invalid-publisher`: " in refused.said, refused.said
