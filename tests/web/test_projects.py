"""What becomes of hosted projects over HTTP: by whom, with what answer, and what of it is told."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from attrs import define, field

from tests.doubles.chain_of_nodes import ChainOfNodes, JoinedNode
from tests.doubles.surroundings import load
from tests.doubles.wire import Reply
from tiercache.policy.acts import DELETED, PUBLISHED, RELEASED, RESTORED, STATUS, UNYANKED, YANKED

SDIST, NEXT, OTHER = "acme-1.0.tar.gz", "acme-2.0.tar.gz", "acme-1.0-py3-none-any.whl"
API = "/api/v1/projects"
ACCESS = load(
    "access: {users: {alice: {token: token-of-alice-here}, bob: {token: token-of-bob-here},"
    " carol: {token: token-of-carol-here}},"
    " grants: [{who: [anyone], may: [read], projects: [acme, zoo]},"
    " {who: [alice], may: [manage], projects: [acme, acme-*]},"
    " {who: [bob], may: [publish], projects: ['*']},"
    " {who: [carol], may: [administer], projects: ['*']}]}"
).access
ALICE, BOB, CAROL, NOBODY, OPERATOR = (
    *({"Authorization": f"Bearer token-of-{name}-here"} for name in ("alice", "bob", "carol")),
    {},
    {"Authorization": "Bearer token"},
)


@define
class Server:
    """A node that hosts acme."""

    chain: ChainOfNodes = field(factory=ChainOfNodes)
    node: JoinedNode = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.node = self.chain.node("server", access=ACCESS)
        for number, filename in enumerate((SDIST, NEXT, OTHER)):
            self.node.host("acme", filename, b"content" * (number + 1))
        self.node.host("zoo", "zoo-1.0.tar.gz", b"zoo")

    def ask(self, method: str, path: str, body: object = None, who: dict[str, str] | None = None) -> Reply:
        data = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.node.get(path, {**(ALICE if who is None else who)}, method=method, body=data)

    def filenames(self) -> list[str]:
        return [file["filename"] for file in json.loads(self.node.page("acme").body)["files"]]

    def acts(self) -> list[tuple[str, str, str, str]]:
        told = json.loads(self.ask("GET", f"{API}/acme/acts").body)["acts"]
        return [(act["what"], act["by"], act["filename"], act["detail"]) for act in told if act["what"] != PUBLISHED]


@pytest.fixture
def server() -> Server:
    return Server()


def told(reply: Reply) -> Any:
    assert reply.headers["content-type"] == ("application/json" if reply.status < 400 else "application/problem+json")
    return json.loads(reply.body)


# -- each act -----------------------------------------------------------------------------------------------------


def test_a_file_is_yanked_with_a_reason_and_offered_again(server: Server) -> None:
    path = f"{API}/Acme/files/{SDIST}/yank"
    assert told(server.ask("PUT", path, {"reason": "broken"})) == {"project": "acme", "filenames": [SDIST]}
    yanked = {file["filename"]: file["yanked"] for file in told(server.ask("GET", f"{API}/acme"))["files"]}
    assert yanked == {SDIST: "broken", NEXT: False, OTHER: False}
    page = json.loads(server.node.page("acme").body)
    assert [file.get("yanked") for file in page["files"]] == ["broken", None, None]
    assert told(server.ask("PUT", path, {"reason": "broken"}))["filenames"] == []
    assert told(server.ask("PUT", path))["filenames"] == [SDIST]  # without a reason
    assert told(server.ask("DELETE", path))["filenames"] == [SDIST]
    assert told(server.ask("DELETE", path))["filenames"] == []
    assert server.acts() == [
        (YANKED, "alice", SDIST, "broken"),
        (YANKED, "alice", SDIST, ""),
        (UNYANKED, "alice", SDIST, ""),
    ]


def test_a_project_gets_a_status_and_what_is_quarantined_gives_no_file(server: Server) -> None:
    paths = server.node.files_of("acme")
    shown = told(server.ask("PUT", f"{API}/acme/status", {"status": "quarantined", "reason": "malware"}))
    assert shown == {"project": "acme", "status": "quarantined", "reason": "malware", "files": []}
    page = json.loads(server.node.page("acme").body)
    assert (page["files"], page["project-status"]) == ([], {"status": "quarantined", "reason": "malware"})
    for filename, path in paths.items():
        digest = path.split("/")[-2]
        for url in (path, path.replace("/files/", "/local/files/"), f"/packages/source/a/acme/{filename}"):
            assert server.node.get(url).status == 404
            assert server.node.get(url, method="HEAD").status == 404
        assert server.node.get(f"/api/v1/files/{digest}").status in (404, 504)
        assert server.node.get(f"{path}.metadata").status == 404
    told(server.ask("PUT", f"{API}/acme/status", {"status": "active"}))
    for path in paths.values():
        assert server.node.get(path).status == 200
    assert [act[0] for act in server.acts()] == [STATUS, STATUS]


@pytest.mark.parametrize(
    ("what", "gone"),
    [(f"/files/{SDIST}", [SDIST]), ("/releases/1.0", [SDIST, OTHER]), ("", [SDIST, NEXT, OTHER])],
)
def test_a_file_a_release_or_a_project_is_deleted_and_restored(server: Server, what: str, gone: list[str]) -> None:
    paths = server.node.files_of("acme")
    reply = server.ask("DELETE", f"{API}/acme{what}?reason=leaked%20a%20key")
    assert told(reply) == {"project": "acme", "filenames": gone}
    assert server.filenames() == [name for name in (SDIST, NEXT, OTHER) if name not in gone]
    for filename in gone:
        digest = paths[filename].split("/")[-2]
        for url in (paths[filename], f"/packages/source/a/acme/{filename}", f"{paths[filename]}.metadata"):
            assert server.node.get(url).status == 404
        assert server.node.get(f"/api/v1/files/{digest}").status in (404, 504)
    deleted = told(server.ask("GET", f"{API}/acme/deleted"))["files"]
    assert sorted(file["filename"] for file in deleted) == sorted(gone)
    assert {file["restorable_until"] - file["deleted_at"] for file in deleted} == {7 * 86400.0}
    assert sorted(told(server.ask("POST", f"{API}/acme/restore"))["filenames"]) == sorted(gone)
    assert sorted(server.filenames()) == sorted((SDIST, NEXT, OTHER))
    assert server.node.get(paths[gone[0]]).status == 200
    assert {act[:2] for act in server.acts()} == {(DELETED, "alice"), (RESTORED, "alice")}
    assert {act[3] for act in server.acts() if act[0] == DELETED} == {"leaked a key"}


@pytest.mark.parametrize(("asked", "back"), [({"filename": OTHER}, [OTHER]), ({"version": "2"}, [NEXT])])
def test_one_file_or_release_of_what_was_deleted_is_restored(
    server: Server, asked: dict[str, str], back: list[str]
) -> None:
    server.ask("DELETE", f"{API}/acme")
    assert told(server.ask("POST", f"{API}/acme/restore", asked))["filenames"] == back
    assert server.filenames() == back


def test_the_name_of_a_project_is_released_when_its_files_are_deleted(server: Server) -> None:
    assert server.ask("DELETE", f"{API}/acme/name").status == 409
    server.ask("DELETE", f"{API}/acme")
    assert server.filenames() == []
    assert server.ask("DELETE", f"{API}/acme/name").status == 200
    assert server.ask("GET", f"{API}/acme").status == 404
    assert server.acts()[-1] == (RELEASED, "alice", "", "")


def test_what_is_not_there_is_absent(server: Server) -> None:
    for method, path, body in (
        ("PUT", f"{API}/acme/files/acme-9.tar.gz/yank", {}),
        ("DELETE", f"{API}/acme/files/acme-9.tar.gz/yank", None),
        ("DELETE", f"{API}/acme/files/acme-9.tar.gz", None),
        ("DELETE", f"{API}/acme/releases/9", None),
        ("POST", f"{API}/acme/restore", {}),
        ("GET", f"{API}/acme-none", None),
        ("GET", f"{API}/acme-none/deleted", None),
        ("DELETE", f"{API}/acme-none", None),
        ("DELETE", f"{API}/acme-none/name", None),
        ("PUT", f"{API}/acme-none/status", {"status": "archived"}),
        ("PUT", f"{API}/acme/files/.hidden/yank", {}),
    ):
        assert server.ask(method, path, body, who=OPERATOR).status == 404, path
    assert server.filenames() == [SDIST, NEXT, OTHER]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"\xff",
        b"[]",
        b"[" * 10_000,
        {"status": "gone"},
        {"status": 1},
        {},
        {"status": "archived", "reason": 1},
        {"status": "archived", "reason": "x" * 1001},
    ],
)
def test_what_is_said_wrongly_changes_nothing(server: Server, body: object) -> None:
    reply = server.ask("PUT", f"{API}/acme/status", body)
    assert (reply.status, told(reply)["status"]) == (400, 400)
    assert told(server.ask("GET", f"{API}/acme"))["status"] == "active"


@pytest.mark.parametrize(
    ("reason", "shown"), [("two\nlines", "two lines"), ("\x00a\u202eb\t ", "a b"), (" \r\n", True), ("", True)]
)
def test_a_reason_is_shown_as_one_line_of_what_can_be_printed(server: Server, reason: str, shown: object) -> None:
    server.ask("PUT", f"{API}/acme/files/{SDIST}/yank", {"reason": reason})
    assert json.loads(server.node.page("acme").body)["files"][0]["yanked"] == shown


def test_a_reason_may_be_as_long_as_a_thousand_characters(server: Server) -> None:
    assert server.ask("PUT", f"{API}/acme/files/{SDIST}/yank", {"reason": "x" * 1000}).status == 200
    assert server.ask("PUT", f"{API}/acme/files/{SDIST}/yank", {"reason": "x" * 1001}).status == 400
    assert server.ask("DELETE", f"{API}/acme?reason={'x' * 1001}").status == 400


# -- who may ------------------------------------------------------------------------------------------------------

CHANGES = [
    ("PUT", f"{API}/%s/files/%s/yank", {}),
    ("DELETE", f"{API}/%s/files/%s/yank", None),
    ("PUT", f"{API}/%s/status", {"status": "quarantined"}),
    ("DELETE", f"{API}/%s", None),
    ("DELETE", f"{API}/%s/releases/1.0", None),
    ("DELETE", f"{API}/%s/files/%s", None),
    ("POST", f"{API}/%s/restore", {}),
    ("DELETE", f"{API}/%s/name", None),
    ("GET", f"{API}/%s/deleted", None),
    ("GET", f"{API}/%s/acts", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_who_may_not_manage_a_project_changes_and_learns_nothing(
    server: Server, method: str, path: str, body: object
) -> None:
    before = dict(server.node.catalogue._hosted)
    for who, project, status in (
        (NOBODY, "acme", 401),
        (BOB, "acme", 403),
        (CAROL, "acme", 403),
        (ALICE, "zoo", 403),
        (ALICE, "none", 403),
    ):
        filled = path % ((project, f"{project}-1.0.tar.gz")[: path.count("%s")])
        assert server.ask(method, filled, body, who=who).status == status, (who, filled)
    assert dict(server.node.catalogue._hosted) == before


def test_a_filename_of_another_project_opens_no_other_project(server: Server) -> None:
    assert server.ask("DELETE", f"{API}/zoo/files/{SDIST}").status == 403
    assert server.ask("DELETE", f"{API}/acme/files/zoo-1.0.tar.gz").status == 404


def test_whoever_may_read_a_project_sees_what_is_here_of_it(server: Server) -> None:
    reply = server.ask("GET", f"{API}/acme", who=NOBODY)
    assert [file["version"] for file in told(reply)["files"]] == ["1.0", "2.0", "1.0"]
    server.node.host("acme-secret", "acme_secret-1.0.tar.gz", b"secret")
    assert server.ask("GET", f"{API}/acme-secret", who=NOBODY).status == 401
    assert server.ask("GET", f"{API}/acme-secret", who=BOB).status == 403


def test_a_page_of_another_site_changes_nothing(server: Server) -> None:
    who = {**ALICE, "Sec-Fetch-Site": "cross-site"}
    assert server.ask("DELETE", f"{API}/acme", who=who).status == 403
    assert server.filenames() == [SDIST, NEXT, OTHER]


# -- the audit trail ----------------------------------------------------------------------------------------------


def numbers(reply: Reply) -> list[int]:
    return [act["number"] for act in told(reply)["acts"]]


def test_the_trail_is_read_from_its_end_or_from_a_number_on(server: Server) -> None:
    server.ask("DELETE", f"{API}/acme")
    ask = server.ask
    assert numbers(ask("GET", "/api/v1/acts", who=CAROL)) == [1, 2, 3, 4, 5, 6, 7]
    assert numbers(ask("GET", "/api/v1/acts?most=2", who=CAROL)) == [6, 7]
    assert numbers(ask("GET", "/api/v1/acts?since=2&most=2", who=CAROL)) == [3, 4]
    assert numbers(ask("GET", "/api/v1/acts?since=3&project=Zoo", who=CAROL)) == [4]
    assert numbers(ask("GET", "/api/v1/acts?since=7", who=CAROL)) == []
    assert numbers(ask("GET", f"{API}/acme/acts?since=3&most=2")) == [5, 6]
    act = told(ask("GET", f"{API}/acme/acts?most=1"))["acts"][0]
    assert (act["what"], act["by"], act["project"], act["filename"]) == (DELETED, "alice", "acme", OTHER)


@pytest.mark.parametrize("query", ["since=-1", "since=x", "most=0", "most=1001", "most=", "since=1e3", "since=%D9%A1"])
def test_a_number_that_is_none_is_refused(server: Server, query: str) -> None:
    assert server.ask("GET", f"/api/v1/acts?{query}", who=CAROL).status == 400


def test_the_whole_trail_is_for_who_administers(server: Server) -> None:
    for who, status in ((NOBODY, 401), (ALICE, 403), (BOB, 403), (CAROL, 200), (OPERATOR, 200)):
        assert server.ask("GET", "/api/v1/acts", who=who).status == status
    assert server.ask("GET", "/api/v1/acts?project=-", who=CAROL).status == 404


# -- what is promised ---------------------------------------------------------------------------------------------


def test_answers_are_what_the_openapi_document_says(server: Server) -> None:
    document = json.loads(server.ask("GET", "/api/v1/openapi.json").body)
    server.ask("DELETE", f"{API}/acme/files/{SDIST}")
    for path, filled, who in (
        ("/api/v1/projects/{project}", f"{API}/acme", ALICE),
        ("/api/v1/projects/{project}/deleted", f"{API}/acme/deleted", ALICE),
        ("/api/v1/projects/{project}/acts", f"{API}/acme/acts", ALICE),
        ("/api/v1/acts", "/api/v1/acts", CAROL),
    ):
        operation = document["paths"][path]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        answer = told(server.ask("GET", filled, who=who))
        jsonschema_rs.validate({**schema, "components": document["components"]}, answer)
    named = {each["operationId"] for path in document["paths"].values() for each in path.values()}
    assert {"yankFile", "unyankFile", "setStatus", "deleteProject", "deleteRelease", "deleteFile", "restore"} <= named
