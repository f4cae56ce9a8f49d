"""A private server below which not everyone may read: what it gives to a node it gives to nobody else."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256

import pytest

from tests.doubles.chain_of_nodes import ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.small_node import wheel
from tests.doubles.surroundings import load
from tiercache.config import AccessConfig

TOOLS = (
    "acme_tools-1.0-py3-none-any.whl",
    wheel("acme_tools", "1.0", b"Metadata-Version: 2.1\nName: acme-tools\nVersion: 1.0\n"),
)
NUMPY = ("numpy-1.0.tar.gz", b"an archive")
DIGEST = sha256(TOOLS[1]).hexdigest()

OFFICES = "token-of-the-office"
ALICES, BOBS, EVES = (f"token-of-{user}-to-the-office" for user in ("alice", "bob", "eve"))


def access(text: str) -> AccessConfig:
    return load(f"access: {text}").access


AT_THE_TOP = access(f"{{users: {{office: {{token: {OFFICES}}}}}, grants: [{{who: [office], may: [read]}}]}}")
"""The office may read everything there, and nobody else anything."""

AT_THE_OFFICE = access(
    f"{{users: {{alice: {{token: {ALICES}, groups: [staff]}}, bob: {{token: {BOBS}}}, eve: {{token: {EVES}}}}},"
    " grants: [{who: ['@staff'], may: [read], projects: ['acme-*', numpy]},"
    " {who: [bob], may: [read], projects: [numpy]}]}"
)
"""Staff reads what is private, bob the rest, and eve nothing."""


def as_(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


REFUSED: list[tuple[Mapping[str, str], int]] = [
    ({}, 401),
    (as_("token-of-nobody-at-all"), 401),
    (as_(OFFICES), 401),  # the office's own token opens the server, and not the office
    (as_(BOBS), 403),
    (as_(EVES), 403),
]


def joined(office: AccessConfig = AT_THE_OFFICE, token: str = OFFICES) -> tuple[ChainOfNodes, JoinedNode, JoinedNode]:
    chain = ChainOfNodes()
    private = chain.node("private", ORIGIN, access=AT_THE_TOP)
    below = chain.node("office", "private", tokens={"private": token}, access=office)
    private.host("acme-tools", *TOOLS)
    chain.lists("numpy", NUMPY)
    return chain, private, below


def places(office: JoinedNode) -> list[str]:
    """Everything at a node that shows something of `acme-tools`."""
    filename = TOOLS[0]
    return [
        "/simple/acme-tools/",
        "/local/acme-tools/",
        "/pypi/acme-tools/json",
        "/pypi/acme-tools/1.0/json",
        f"/files/{DIGEST}/{filename}",
        f"/files/{DIGEST}/{filename}.metadata",
        f"/local/files/{DIGEST}/{filename}",
        f"/local/files/{DIGEST}/{filename}.metadata",
        f"/packages/py3/a/acme-tools/{filename}",
    ]


def warmed(office: JoinedNode) -> JoinedNode:
    """The office has all of `acme-tools` in its store."""
    for path in (f"/files/{DIGEST}/{TOOLS[0]}.metadata", f"/files/{DIGEST}/{TOOLS[0]}", *places(office)):
        assert office.get(path, as_(ALICES)).status == 200, path
    return office


def test_a_private_parents_pages_and_files_are_served_to_who_may_read_them() -> None:
    _, private, office = joined()
    page = office.page("acme-tools", as_(ALICES))
    assert TOOLS[0] in page.body.decode()
    assert office.get(f"/files/{DIGEST}/{TOOLS[0]}", as_(ALICES)).body == TOOLS[1]
    assert {request.headers.get("authorization") for request in private.received} == {f"Bearer {OFFICES}"}


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not-stored"])
def test_a_private_parents_pages_and_files_are_served_to_nobody_else(is_stored: bool) -> None:
    _, private, office = joined()
    if is_stored:
        warmed(office)
    asked = len(private.received)
    for path in places(office):
        for headers, status in REFUSED:
            for method in ("GET", "HEAD"):
                refused = office.get(path, headers, method=method)
                assert refused.status == status, (path, headers)
                assert not {"etag", "age", "cache-status", "content-range"} & set(refused.headers)
                assert "Summary" not in refused.body.decode()
    assert len(private.received) == asked  # nobody above is troubled for who may not read


def test_what_may_not_be_read_looks_the_same_stored_or_not() -> None:
    stored, empty = warmed(joined()[2]), joined()[2]
    for path in places(stored):
        for headers, _ in REFUSED:
            assert stored.get(path, headers) == empty.get(path, headers)


def test_a_conditional_request_learns_nothing_either() -> None:
    office = warmed(joined()[2])
    for path in places(office):
        etag = office.get(path, as_(ALICES)).headers["etag"]
        assert office.get(path, {**as_(ALICES), "If-None-Match": etag}).status == 304
        for headers, status in REFUSED:
            assert office.get(path, {**headers, "If-None-Match": etag}).status == status


def test_no_shared_cache_keeps_what_not_everyone_may_read() -> None:
    office = warmed(joined()[2])
    for path in places(office):
        stated = office.get(path, as_(ALICES)).headers["cache-control"]
        assert "private" in stated, path
        assert "s-maxage" not in stated
        assert "public" not in stated


def test_lists_and_batches_below_hold_what_the_reader_may_read() -> None:
    _, _, office = joined()
    for project in ("acme-tools", "numpy"):
        office.page(project, as_(ALICES))
    accept = {"Accept": "application/vnd.pypi.simple.v1+json"}

    def names(token: str) -> list[str]:
        listed = office.get("/simple/", {**as_(token), **accept})
        return [project["name"] for project in json.loads(listed.body)["projects"]]

    assert (names(ALICES), names(BOBS)) == (["acme-tools", "numpy"], ["numpy"])
    assert office.get(f"/api/v1/files/{DIGEST}", as_(BOBS)).status == 404
    assert office.get("/api/v1/node", as_(EVES)).status == 403
    assert office.get("/api/v1/changes").status == 401


# -- three nodes ------------------------------------------------------------------------------------------------


def three(token: str) -> tuple[JoinedNode, JoinedNode]:
    chain, _, office = joined()
    laptop = chain.node("laptop", "office", tokens={"office": token})
    return office, laptop


def test_each_node_shows_its_own_credentials_and_passes_none_on() -> None:
    office, laptop = three(ALICES)
    insisting = {"Authorization": f"Basic {b64encode(b'carol:s3cret').decode()}"}
    assert TOOLS[0] in laptop.page("acme-tools", insisting).body.decode()
    assert {request.headers.get("authorization") for request in office.received} == {f"Bearer {ALICES}"}


@pytest.mark.parametrize("token", [BOBS, EVES, "token-that-has-expired"])
def test_a_node_that_may_not_read_above_says_that_it_cannot_tell_and_not_that_there_is_none(token: str) -> None:
    """A token that expires: a 404 would send clients to a public index for a private name."""
    _, laptop = three(token)
    reply = laptop.page("acme-tools")
    assert reply.status == 503
    assert TOOLS[0] not in reply.body.decode()


def test_a_token_that_expires_leaves_what_is_stored_to_who_could_read_it() -> None:
    chain, _, _ = joined()
    laptop = chain.node("laptop", "office", tokens={"office": ALICES})
    laptop.page("acme-tools")
    laptop.tokens = {"office": "token-that-has-expired"}
    laptop.start()
    chain.advance(601)
    reply = laptop.page("acme-tools")
    assert reply.status == 200
    assert "fwd=stale" in reply.headers["cache-status"]
