"""twine, uv, flit and poetry publish to a node; pip and uv install from it what they did, if they may."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests
from argon2 import PasswordHasher
from twine.commands.upload import skip_upload
from twine.package import PackageFile

from tests.acceptance.conftest import IndexStarter, NodeStarter
from tests.doubles.clients import CLIENTS, Client, Desk, Pip, Uv
from tests.doubles.distributions import Archive, Release, archives
from tests.doubles.processes import RunningNode
from tests.doubles.publishers import BUILDING, Login, Twine, UvPublish

PASSWORD = "correct horse"
TOKEN = "token-of-the-build-server"
ACCESS = {
    "users": {
        "alice": {"password": PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)},
        "ci": {"token": TOKEN},
        "eve": {"token": "token-of-eve-who-may-read"},
    },
    "grants": [
        {"who": ["alice", "ci"], "may": ["read", "publish"], "projects": ["acme-*"]},
        {"who": ["eve"], "may": ["read"], "projects": ["acme-*"]},
        {"who": ["anyone"], "may": ["read"], "projects": ["tc-*"]},
    ],
}
JSON_TYPE = "application/vnd.pypi.simple.v1+json"


@pytest.fixture
def node(fake_index: IndexStarter, node_of: NodeStarter) -> RunningNode:
    """A node whose private projects are for those alone who say who they are."""
    return node_of(fake_index("json"), access=ACCESS)


@pytest.fixture
def twine(desk: Desk) -> Twine:
    return Twine(desk=desk)


@pytest.fixture
def uv_publish(desk: Desk) -> UvPublish:
    return UvPublish(desk=desk)


def alice(node: RunningNode, path: str = "legacy/") -> Login:
    return Login(url=node.url + path, user="alice", password=PASSWORD)


def build_server(node: RunningNode, path: str = "legacy/") -> Login:
    return Login(url=node.url + path, user="__token__", password=TOKEN)


def release(folder: Path, version: str = "1.0", requires: tuple[str, ...] = ()) -> list[Archive]:
    """The wheel and sdist of a version; `requires` makes other bytes of it."""
    made = folder / f"made-{version}-{len(requires)}"
    made.mkdir(parents=True, exist_ok=True)
    return list(archives(Release(name="acme-tools", version=version, requires=requires), made))


def paths(made: list[Archive]) -> list[Path]:
    return [archive.path for archive in made]


def listed(node: RunningNode, project: str = "acme-tools") -> dict[str, dict[str, object]]:
    """What the node's page lists, by filename, as the build server sees it."""
    page = node.get(f"simple/{project}/", Accept=JSON_TYPE, Authorization=f"Bearer {TOKEN}")
    return {file["filename"]: file for file in json.loads(page.body)["files"]} if page.status == 200 else {}


def assert_published(node: RunningNode, made: list[Archive]) -> None:
    """The page has these files, and gives their bytes."""
    files = listed(node)
    assert {name: file["hashes"] for name, file in files.items()} == {
        one.filename: {"sha256": one.hashes["sha256"]} for one in made
    }
    for one in made:
        path = f"files/{one.hashes['sha256']}/{one.filename}"
        assert node.get(path, Authorization=f"Bearer {TOKEN}").body == one.path.read_bytes()


def with_login(url: str, user: str, password: str) -> str:
    return url.replace("://", f"://{user}:{password.replace(' ', '%20')}@")


# -- twine --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["legacy/", "simple/", ""])
def test_twine_uploads_with_a_password_and_with_a_token(
    path: str, node: RunningNode, twine: Twine, tmp_path: Path
) -> None:
    made = release(tmp_path)
    uploaded = twine.upload(alice(node, path), *paths(made))
    assert uploaded.succeeded, uploaded.said
    assert_published(node, made)
    again = twine.upload(build_server(node, path), *paths(made))
    assert again.succeeded, again.said
    other = twine.upload(build_server(node, path), *paths(release(tmp_path, "2.0")))
    assert other.succeeded, other.said
    assert len(listed(node)) == 4


def test_twine_is_told_of_changed_bytes(node: RunningNode, twine: Twine, tmp_path: Path) -> None:
    made, changed = release(tmp_path), release(tmp_path, requires=("idna",))
    assert twine.upload(alice(node), *paths(made)).succeeded
    refused = twine.upload(alice(node), *paths(changed), options=["--verbose"])
    assert not refused.succeeded
    assert "409" in refused.said
    assert "already exists" in refused.said
    assert_published(node, made)


def test_twine_skips_what_exists_by_the_nodes_answer_and_nothing_else(
    node: RunningNode, twine: Twine, tmp_path: Path
) -> None:
    """`--skip-existing`, which twine 7 itself refuses to try at any server but the public one.

    So what decides in twine is asked about this node's answers, as it asks itself; and twine about the option.
    """
    made, changed = release(tmp_path), release(tmp_path, requires=("idna",))
    assert twine.upload(alice(node), *paths(made)).succeeded
    skipped = twine.upload(alice(node), *paths(changed), options=["--skip-existing"])
    assert skipped.succeeded or "does not have support for" in skipped.said.replace("\n", " "), skipped.said
    assert_published(node, made)

    def is_skipped(archive: Archive, **login: str) -> tuple[int, bool]:
        package = PackageFile.from_filename(str(archive.path), None)
        form = {":action": "file_upload", "protocol_version": "1", **package.metadata_dictionary()}
        fields = [(key, one) for key, value in form.items() for one in (value if isinstance(value, list) else [value])]
        with archive.path.open("rb") as content:
            answer = requests.post(
                f"{node.url}legacy/",
                data=[(key, str(value)) for key, value in fields if value],
                files={"content": (archive.filename, content, "application/octet-stream")},
                auth=(login["user"], login["password"]),
                timeout=60,
            )
        return answer.status_code, skip_upload(answer, True, package)

    assert is_skipped(made[0], user="alice", password=PASSWORD) == (200, False)
    assert is_skipped(changed[0], user="alice", password=PASSWORD) == (409, True)
    assert is_skipped(changed[0], user="alice", password="wrong") == (401, False)
    assert is_skipped(changed[0], user="__token__", password="token-of-eve-who-may-read") == (403, False)


@pytest.mark.parametrize(
    ("user", "password", "status"),
    [("alice", "wrong", "401"), ("__token__", "token-of-nobody-at-all", "401"), ("eve", "x", "401")],
)
def test_twine_is_told_that_its_credentials_are_wrong(
    user: str, password: str, status: str, node: RunningNode, twine: Twine, tmp_path: Path
) -> None:
    refused = twine.upload(Login(url=f"{node.url}legacy/", user=user, password=password), *paths(release(tmp_path)))
    assert not refused.succeeded
    assert status in refused.said
    assert listed(node) == {}


def test_twine_is_told_what_it_may_not_even_of_a_large_file(node: RunningNode, twine: Twine, tmp_path: Path) -> None:
    """The answer comes before the body, and is read although the body is sent all the same."""
    login = Login(url=f"{node.url}legacy/", user="__token__", password="token-of-eve-who-may-read")
    large = list(archives(Release(name="acme-tools", version="3.0", filler_bytes=40 << 20, kinds=("wheel",)), tmp_path))
    refused = twine.upload(login, *paths(large))
    assert not refused.succeeded
    assert "403" in refused.said, refused.said
    assert listed(node) == {}
    assert not any((node.store / "partial").iterdir())


def test_twine_is_told_that_a_name_is_public(node: RunningNode, twine: Twine, tmp_path: Path) -> None:
    node.close()
    node.amend(access={**ACCESS, "grants": [{"who": ["ci"], "may": ["read", "publish"]}]})
    node.start_again()
    public = list(archives(Release(name="tc-vivid", version="99.0", kinds=("wheel",)), tmp_path))
    refused = twine.upload(build_server(node), *paths(public), options=["--verbose"])
    assert not refused.succeeded, refused.said
    assert "403" in refused.said, "a 409 would be skipped by those who skip what exists"
    assert "tc-vivid is a project of tier public" in refused.said
    assert public[0].filename not in listed(node, "tc-vivid")


def test_large_file_is_published_without_being_held_in_memory(node: RunningNode, twine: Twine, tmp_path: Path) -> None:
    large = list(archives(Release(name="acme-tools", version="3.0", filler_bytes=96 << 20, kinds=("wheel",)), tmp_path))
    before = node.peak_memory_bytes()
    uploaded = twine.upload(alice(node), *paths(large))
    assert uploaded.succeeded, uploaded.said
    assert_published(node, large)
    assert node.peak_memory_bytes() - before < 48 << 20


# -- uv -----------------------------------------------------------------------------------------------------------


def test_uv_publishes_with_a_password_and_with_a_token(
    node: RunningNode, uv_publish: UvPublish, tmp_path: Path
) -> None:
    made = release(tmp_path)
    published = uv_publish.upload(alice(node), *paths(made))
    assert published.succeeded, published.said
    assert_published(node, made)
    again = uv_publish.upload(build_server(node), *paths(made))
    assert again.succeeded, again.said


def test_uv_is_told_of_changed_bytes_and_finds_out_by_the_check_url(
    node: RunningNode, uv_publish: UvPublish, tmp_path: Path
) -> None:
    made, changed = release(tmp_path), release(tmp_path, requires=("idna",))
    check = ["--check-url", with_login(node.simple, "alice", PASSWORD)]
    first = uv_publish.upload(alice(node), *paths(made), options=check)
    assert first.succeeded, first.said
    again = uv_publish.upload(alice(node), *paths(made), options=check)
    assert again.succeeded, again.said
    assert "already exists, skipping" in again.said
    refused = uv_publish.upload(alice(node), *paths(changed))
    assert not refused.succeeded
    assert "already exists" in refused.said, refused.said
    compared = uv_publish.upload(alice(node), *paths(changed), options=check)
    assert not compared.succeeded
    assert "do not match" in compared.said, compared.said
    assert_published(node, made)


def test_uv_without_credentials_is_refused(node: RunningNode, uv_publish: UvPublish, tmp_path: Path) -> None:
    refused = uv_publish.upload(None, *paths(release(tmp_path)), url=f"{node.url}legacy/")
    assert not refused.succeeded
    assert "401" in refused.said or "credentials" in refused.said, refused.said
    assert listed(node) == {}


# -- flit, poetry -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", BUILDING)
def test_tool_that_builds_publishes_and_what_it_did_installs(
    tool: str, desk: Desk, node: RunningNode, pip: Pip, uv: Uv
) -> None:
    published = BUILDING[tool](desk=desk).publish(alice(node), "acme-lib", "1.2.0")
    assert published.succeeded, published.said
    files = listed(node, "acme-lib")
    assert {name.rpartition(".")[2] for name in files} == {"whl", "gz"}
    for client in (pip, uv):
        installed = client.install(with_login(node.simple, "alice", PASSWORD), "acme-lib")
        assert installed.succeeded, installed.run.said
        assert installed.versions == {"acme-lib": "1.2.0"} or installed.versions == {"acme_lib": "1.2.0"}
    refused = BUILDING[tool](desk=desk).publish(
        Login(url=f"{node.url}legacy/", user="alice", password="wrong"), "acme-lib", "1.3.0"
    )
    assert not refused.succeeded
    assert listed(node, "acme-lib") == files


# -- and installed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_what_was_published_installs_with_credentials_and_not_without(
    name: str, node: RunningNode, twine: Twine, desk: Desk, tmp_path: Path
) -> None:
    made = release(tmp_path, requires=("tc-vivid",))
    assert twine.upload(build_server(node), *paths(made)).succeeded
    client = CLIENTS[name](desk=desk)

    anonymous = client.install(node.simple, "acme-tools")
    assert not anonymous.succeeded
    assert not client.install(with_login(node.simple, "alice", "wrong"), "acme-tools").succeeded

    netrc = tmp_path / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login alice password {json.dumps(PASSWORD)}\n")
    netrc.chmod(0o600)
    by_netrc: Client = CLIENTS[name](desk=Desk(folder=tmp_path / "netrc-clients", environment={"NETRC": str(netrc)}))
    for installed in (
        client.install(with_login(node.simple, "alice", PASSWORD), "acme-tools"),
        client.install(with_login(node.simple, "__token__", TOKEN), "acme-tools"),
        by_netrc.install(node.simple, "acme-tools"),
    ):
        assert installed.succeeded, installed.run.said
        assert {key.replace("_", "-") for key in installed.versions} == {"acme-tools", "tc-vivid"}


@pytest.mark.parametrize("name", ["pip", "uv"])
def test_an_sdist_that_was_published_is_built_and_installed(
    name: str, node: RunningNode, twine: Twine, desk: Desk, tmp_path: Path
) -> None:
    sdist = [one for one in release(tmp_path) if one.filename.endswith(".tar.gz")]
    assert twine.upload(alice(node), *paths(sdist)).succeeded
    installed = CLIENTS[name](desk=desk).install(with_login(node.simple, "alice", PASSWORD), "acme-tools")
    assert installed.succeeded, installed.run.said


@pytest.mark.parametrize("is_local", [True, False], ids=["without credentials", "with a token"])
def test_the_lines_of_client_config_are_all_that_twine_and_uv_need(
    is_local: bool, fake_index: IndexStarter, node_of: NodeStarter, desk: Desk, tmp_path: Path
) -> None:
    node = node_of(fake_index("json"), **({} if is_local else {"access": ACCESS}))
    printed = {client: node.run("client-config", client).stdout for client in ("twine", "uv")}
    made, other = release(tmp_path), release(tmp_path, "2.0")

    by_twine = {} if is_local else {"TWINE_USERNAME": "__token__", "TWINE_PASSWORD": TOKEN}
    uploaded = Twine(desk=desk).upload_by_pypirc(printed["twine"], "tiercache", *paths(made), **by_twine)
    assert uploaded.succeeded, uploaded.said
    by_uv = {} if is_local else {"UV_PUBLISH_TOKEN": TOKEN}
    by_uv |= {} if is_local else {"UV_INDEX_TIERCACHE_USERNAME": "__token__", "UV_INDEX_TIERCACHE_PASSWORD": TOKEN}
    published = UvPublish(desk=desk).publish_by_configuration(printed["uv"], "tiercache", *paths(other), **by_uv)
    assert published.succeeded, published.said
    assert_published(node, [*made, *other])
