"""Tokens over HTTP: who may have one issued, what it is worth, and that it is worth nothing once it is revoked."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from attrs import define, field
from twisted.logger import globalLogPublisher

from tests.doubles.now import result_of
from tests.doubles.shelves import page_of
from tests.storage.contract_tokens import issued
from tests.web.node import TOKEN, WebNode
from tests.web.test_guard import ACCOUNTS, ALICE, BOB, NEMO, NOBODY, OPERATOR, WRONG, basic
from tiercache.access.accounts import Account, Accounts
from tiercache.access.htpasswd import Htpasswd, HtpasswdText
from tiercache.access.permissions import Grant, Permissions
from tiercache.access.principals import Who
from tiercache.access.remembered import LASTS_S
from tiercache.access.tokens import PREFIX, Permission, token_digest
from tiercache.simple.patterns import ProjectPatterns
from tiercache.web.tokens import MOST_BODY_BYTES

PATH = "/api/v1/tokens"


def grant(who: str, may: list[Permission], *projects: str) -> Grant:
    return Grant(who=(Who.parse(who),), may=frozenset(may), projects=ProjectPatterns(projects))


PRIVATE = Permissions(
    grants=(
        grant("alice", ["read", "publish"], "acme-*"),
        grant("bob", ["read"], "*"),
        grant("bob", ["administer"], "*"),
    )
)


def node_of(permissions: Permissions = PRIVATE, accounts: Accounts = ACCOUNTS) -> WebNode:
    node = WebNode(permissions=permissions, accounts=accounts)
    for project in ("acme-tools", "acme-x", "numpy"):
        node.pages.put(page_of(project))
    return node


def issue(node: WebNode, headers: dict[str, str], **wanted: Any) -> tuple[int, Any]:
    body = {"name": "ci", "may": ["read"], **wanted}
    reply = node.request("POST", PATH, headers, json.dumps(body).encode())
    return reply.status, json.loads(reply.body)


def token_of(node: WebNode, headers: dict[str, str], **wanted: Any) -> tuple[str, str]:
    """The id and the text of a new token."""
    status, told = issue(node, headers, **wanted)
    assert status == 201, told
    return told["issued"]["id"], told["token"]


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def listed(node: WebNode, headers: dict[str, str]) -> list[str]:
    reply = node.get(PATH, headers)
    assert reply.status == 200
    return [token["id"] for token in json.loads(reply.body)["tokens"]]


def reads(node: WebNode, headers: dict[str, str], project: str = "acme-tools") -> int:
    return node.get(f"/simple/{project}/", headers).status


# -- issued, shown once, listed ---------------------------------------------------------------------------------


def test_token_is_told_once_with_what_it_is_worth() -> None:
    node = node_of()
    node.clock.advance(1000.0)
    status, told = issue(node, ALICE, may=["publish", "read", "publish"], projects=["acme-*", "!acme-x"], lasts_s=60)
    assert status == 201
    text = told["token"]
    assert text.startswith(PREFIX)
    shown = {
        "id": told["issued"]["id"],
        "name": "ci",
        "owner": "alice",
        "kind": "user",
        "may": ["publish", "read"],
        "projects": ["acme-*", "!acme-x"],
        "made_at": 1000.0,
        "expires_at": 1060.0,
        "used_at": None,
        "is_expired": False,
    }
    assert told["issued"] == shown
    reply = node.get(PATH, ALICE)
    assert json.loads(reply.body) == {"tokens": [shown]}
    assert reply.headers["cache-control"] == "no-store"
    assert text.encode() not in reply.body
    node.clock.advance(60.0)
    assert json.loads(node.get(PATH, ALICE).body)["tokens"][0]["is_expired"]


def test_last_use_is_listed() -> None:
    node = node_of()
    _, text = token_of(node, ALICE)
    node.clock.advance(5.0)
    assert reads(node, bearer(text)) == 200
    assert json.loads(node.get(PATH, ALICE).body)["tokens"][0]["used_at"] == 5.0


def test_each_sees_their_own_and_who_administers_sees_all() -> None:
    node = node_of()
    alices, _ = token_of(node, ALICE)
    nemos, nemos_text = token_of(node, NEMO)
    ours, _ = token_of(node, OPERATOR)
    assert listed(node, ALICE) == [alices]
    assert listed(node, NEMO) == [nemos]
    assert sorted(listed(node, BOB)) == sorted(listed(node, OPERATOR)) == sorted([alices, nemos, ours])
    assert listed(node, bearer(nemos_text)) == [nemos]  # itself


@pytest.mark.parametrize(("headers", "status"), [(NOBODY, 401), (WRONG, 401)])
@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("POST", PATH), ("DELETE", f"{PATH}/x")])
def test_who_does_not_say_who_they_are_has_no_tokens(
    headers: dict[str, str], status: int, method: str, path: str
) -> None:
    for permissions in (PRIVATE, Permissions()):
        refused = node_of(permissions).request(method, path, headers)
        assert refused.status == status
        assert refused.headers["content-type"] == "application/problem+json"


def test_operator_issues_tokens_for_any_user_and_for_nobody_in_particular() -> None:
    node = node_of()
    assert issue(node, OPERATOR, owner="alice")[1]["issued"]["owner"] == "alice"
    told = issue(node, OPERATOR, name="deploy")[1]["issued"]
    assert (told["owner"], told["kind"]) == (None, "operator")
    assert issue(node, OPERATOR, owner="mallory")[0] == 400


@pytest.mark.parametrize("headers", [ALICE, BOB])
def test_nobody_issues_tokens_for_another_not_even_who_administers(headers: dict[str, str]) -> None:
    assert issue(node_of(), headers, owner="nemo")[0] == 403


def test_token_issues_no_tokens() -> None:
    """Else one that leaks would outlive its being revoked."""
    node = node_of()
    for headers in (ALICE, BOB, OPERATOR):
        _, text = token_of(node, headers, may=["read", "publish", "administer"])
        assert issue(node, bearer(text))[0] == 403


@pytest.mark.parametrize(
    "wanted",
    [
        {"name": ""},
        {"name": "a b"},
        {"name": "line\n"},
        {"name": "x" * 101},
        {"name": None},
        {"may": []},
        {"may": ["raed"]},
        {"may": ["operate"]},
        {"may": "read"},
        {"projects": []},
        {"projects": ["acme *"]},
        {"projects": ["acme\n"]},
        {"projects": ["!acme-*"]},
        {"projects": ["!!acme"]},
        {"projects": ["a"] * 101},
        {"lasts_s": 0},
        {"lasts_s": -1},
        {"lasts_s": 1e12},
        {"lasts_s": "1d"},
        {"owner": ""},
    ],
)
def test_what_is_no_token_is_refused(wanted: dict[str, Any]) -> None:
    node = node_of()
    status, told = issue(node, ALICE, **wanted)
    assert (status, told["status"]) == (400, 400)
    assert listed(node, ALICE) == []


@pytest.mark.parametrize("body", [b"", b"x", b"[]", b'{"name": "x"}', b"\xff", b"[" * 5000])
def test_body_that_is_no_wish_is_refused(body: bytes) -> None:
    assert node_of().request("POST", PATH, ALICE, body).status == 400


def test_body_one_byte_too_long_is_refused() -> None:
    body = json.dumps({"name": "ci", "may": ["read"]}).encode()
    for spaces, status in ((MOST_BODY_BYTES - len(body), 201), (MOST_BODY_BYTES - len(body) + 1, 413)):
        assert node_of().request("POST", PATH, ALICE, body + b" " * spaces).status == status


# -- worth ------------------------------------------------------------------------------------------------------


def test_token_is_shown_as_clients_can() -> None:
    node = node_of()
    node.load()
    _, text = token_of(node, ALICE)
    for headers in (bearer(text), basic("__token__", text), basic("alice", text), basic(text, "")):
        assert reads(node, headers) == 200
    for headers in (
        basic("bob", text),
        basic("", text),
        bearer(text + "x"),
        bearer(text[:-1]),
        basic("alice", text[:-1]),
    ):
        assert reads(node, headers) == 401
    assert node.pool.ran == 1  # the password by which it was issued: a token costs no such check, right or wrong


def test_token_for_one_project_is_worth_nothing_for_another() -> None:
    """Issue 4: a token for another project."""
    node = node_of()
    _, text = token_of(node, ALICE, projects=["acme-tools"])
    assert [reads(node, bearer(text), project) for project in ("acme-tools", "acme-x", "numpy")] == [200, 403, 403]


def test_token_that_is_for_something_else_does_not_read() -> None:
    node = node_of()
    _, text = token_of(node, ALICE, may=["publish"])
    assert reads(node, bearer(text)) == 403


def test_token_is_worth_no_more_than_its_owner_may() -> None:
    node = node_of()
    _, text = token_of(node, ALICE, may=["read", "administer", "manage"], projects=["*"])
    assert reads(node, bearer(text), "acme-x") == 200
    assert reads(node, bearer(text), "numpy") == 403
    assert listed(node, bearer(text)) == listed(node, ALICE)  # no administrator


def test_token_has_the_rights_that_its_owner_has_now() -> None:
    """A grant that is taken away is taken from the tokens that are there; as a restart with another file does."""
    before = node_of()
    _, text = token_of(before, ALICE)
    assert reads(before, bearer(text)) == 200
    for now, status in ((grant("alice", ["read"], "numpy"), 403), (grant("@staff", ["read"], "*"), 200)):
        after = WebNode(permissions=Permissions(grants=(now,)), accounts=ACCOUNTS, catalogue=before.catalogue)
        after.pages.put(page_of("acme-tools"))
        assert reads(after, bearer(text)) == status
    gone = WebNode(permissions=PRIVATE, accounts=Accounts(accounts={}), catalogue=before.catalogue)
    assert reads(gone, bearer(text)) == 401


@define
class File:
    """An htpasswd file."""

    text: str = ""
    stamp: int = 0
    raising: Exception | None = None

    def read(self, stamp: object) -> HtpasswdText | None:
        if self.raising is not None:
            raise self.raising
        return None if stamp == self.stamp else HtpasswdText(stamp=self.stamp, text=self.text)

    def write(self, text: str) -> None:
        self.text, self.stamp = text, self.stamp + 1


@define
class WithFile:
    """A node whose users stand in an htpasswd file: alice, in the group `staff`."""

    file: File = field(factory=File)
    trouble: list[str] = field(factory=list)
    node: WebNode = field(init=False)
    text: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.file.write("alice:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")  # `password`
        htpasswd = Htpasswd(read=self.file.read, trouble=self.trouble.append)
        htpasswd.read()
        accounts = Accounts(
            accounts={"alice": Account(user="alice", groups=frozenset(["staff"]))},
            others=htpasswd.check,
            knows=htpasswd.knows,
        )
        self.node = node_of(Permissions(grants=(grant("@staff", ["read"], "*"),)), accounts)
        _, self.text = token_of(self.node, basic("alice", "password"))


def test_owner_who_is_struck_from_the_file_has_no_token_from_the_next_request_on() -> None:
    with_file = WithFile()
    assert reads(with_file.node, bearer(with_file.text)) == 200
    with_file.file.write("bob:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\n")
    assert reads(with_file.node, bearer(with_file.text)) == 401
    with_file.file.write("alice:{SHA}another\n")  # another password is the same owner
    assert reads(with_file.node, bearer(with_file.text)) == 200


def test_file_that_cannot_be_read_leaves_the_owners_as_they_were() -> None:
    with_file = WithFile()
    with_file.file.raising = OSError("gone")
    assert reads(with_file.node, bearer(with_file.text)) == 200
    assert with_file.trouble == ["gone"]


def test_operators_token_is_worth_what_it_was_issued_for_and_operates_nothing() -> None:
    for permissions in (PRIVATE, Permissions()):
        node = node_of(permissions)
        _, text = token_of(node, OPERATOR, may=["read", "administer"], projects=["acme-*"])
        assert reads(node, bearer(text)) == 200
        assert reads(node, bearer(text), "numpy") == (403 if permissions.grants else 200)
        assert node.request("PUT", "/api/v1/offline", bearer(text), b'{"offline": true}').status == 401


def test_token_of_a_publisher_that_nobody_trusts_is_nobodys() -> None:
    node = node_of()
    token = issued(digest=token_digest(PREFIX + "x"), kind="publisher", owner="acme", may=frozenset(["read"]))
    result_of(node.catalogue.store_token(token))
    assert reads(node, bearer(PREFIX + "x")) == 401


def test_token_reaches_its_end() -> None:
    node = node_of()
    _, text = token_of(node, ALICE, lasts_s=30)
    node.clock.advance(29.999)
    assert reads(node, bearer(text)) == 200
    node.clock.advance(0.001)
    assert reads(node, bearer(text)) == 401


# -- revoked ----------------------------------------------------------------------------------------------------


def test_revoked_token_is_worth_nothing_from_the_next_request_on() -> None:
    """Issue 4: a revoked token in the hot path: page, file and rendering were given for it a moment ago."""
    node = node_of()
    segment = node.files.put("acme_tools-1.0-py3-none-any.whl", b"bytes")
    file = f"/files/{segment}/acme_tools-1.0-py3-none-any.whl"
    token_id, text = token_of(node, ALICE)
    connection = node.wire.connect()
    assert connection is not None

    def asked(path: str, **more: str) -> int:
        connection.ask("GET", path, {**bearer(text), **more})
        return connection.reply().status

    etag = node.get("/simple/acme-tools/", bearer(text)).headers["etag"]
    assert [asked(path) for path in ("/simple/acme-tools/", file, "/simple/acme-tools/")] == [200] * 3
    assert asked("/simple/acme-tools/", **{"If-None-Match": etag}) == 304
    revoked = node.request("DELETE", f"{PATH}/{token_id}", ALICE)
    assert (revoked.status, json.loads(revoked.body)["id"]) == (200, token_id)
    # On the very connection on which it was good.
    assert [asked(path) for path in ("/simple/acme-tools/", file, "/api/v1/node")] == [401] * 3
    assert asked("/simple/acme-tools/", **{"If-None-Match": etag}) == 401
    assert listed(node, ALICE) == []


def test_revoked_token_is_not_saved_by_what_is_remembered_of_its_owner() -> None:
    """The password of its owner was right a moment ago, and is remembered; the token is not."""
    node = node_of()
    token_id, text = token_of(node, ALICE)
    assert reads(node, ALICE) == reads(node, basic("alice", text)) == 200
    assert node.request("DELETE", f"{PATH}/{token_id}", ALICE).status == 200
    assert reads(node, basic("alice", text)) == 401
    assert reads(node, ALICE) == 200
    node.clock.advance(LASTS_S)
    assert reads(node, basic("alice", text)) == 401


def test_each_revokes_their_own_and_who_administers_any() -> None:
    node = node_of()
    first, _ = token_of(node, ALICE)
    second, _ = token_of(node, ALICE)
    third, text = token_of(node, ALICE)
    missing = node.request("DELETE", f"{PATH}/unknown", NEMO)
    for token_id in (first, second, third):
        hidden = node.request("DELETE", f"{PATH}/{token_id}", NEMO)
        assert hidden.status == missing.status == 404
        assert hidden.body.replace(token_id.encode(), b"unknown") == missing.body
    assert node.request("DELETE", f"{PATH}/{second}", bearer(text)).status == 404  # a token revokes itself alone
    assert node.request("DELETE", f"{PATH}/{first}", BOB).status == 200
    assert node.request("DELETE", f"{PATH}/{second}", OPERATOR).status == 200
    assert node.request("DELETE", f"{PATH}/{third}", bearer(text)).status == 200
    assert node.request("DELETE", f"{PATH}/{third}", ALICE).status == 404


def test_who_administers_some_projects_only_has_their_own_tokens() -> None:
    node = node_of(Permissions(grants=(grant("bob", ["administer"], "acme-*"), grant("anyone", ["read"], "*"))))
    alices, _ = token_of(node, ALICE)
    assert listed(node, BOB) == []
    assert node.request("DELETE", f"{PATH}/{alices}", BOB).status == 404


# -- what is written down ---------------------------------------------------------------------------------------


def test_log_says_who_issued_and_revoked_and_never_a_token() -> None:
    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    try:
        node = node_of()
        token_id, text = token_of(node, ALICE)
        reads(node, bearer(text))
        reads(node, basic("__token__", text))
        node.request("DELETE", f"{PATH}/{token_id}", OPERATOR)
    finally:
        globalLogPublisher.removeObserver(events.append)
    ours = [event for event in events if str(event.get("log_namespace")).startswith("tiercache")]
    acts = [event["who"] for event in ours if event.get("log_namespace") == "tiercache.web.tokens"]
    assert acts == ["alice", "operator"]
    for secret in (text, text.removeprefix(PREFIX), b64encode(text.encode()).decode(), TOKEN):
        assert secret not in repr(ours)
