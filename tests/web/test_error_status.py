"""What Cache-Status says of errors: that they are a node's word, so that one below knows a node that is well."""

from __future__ import annotations

import pytest

from tests.doubles.shelves import FileShelf
from tests.web.node import WebNode
from tiercache.errors import (
    DigestMismatch,
    FileAbsent,
    FileRefused,
    InvalidName,
    NoTierAnswered,
    NotStored,
    ProjectAbsent,
    TiercacheError,
    TierUnreachable,
    TierWithoutAnswer,
)
from tiercache.policy.hops import LOOP

PAGE_ERRORS: list[tuple[TiercacheError, int, str]] = [
    (ProjectAbsent(project="numpy"), 404, "laptop; fwd=miss; detail=absent"),
    (NoTierAnswered(subject="numpy", reason="breaker-open"), 503, "laptop; fwd=miss; detail=breaker-open"),
    (NoTierAnswered(subject="numpy", reason="it is down"), 503, 'laptop; fwd=miss; detail="it is down"'),
    (TierUnreachable(tier="office", reason="timeout"), 503, "laptop; fwd=miss; detail=timeout"),
    (TierWithoutAnswer(tier="office", reason="forbidden"), 503, "laptop; fwd=miss; detail=forbidden"),
    (NoTierAnswered(subject="numpy", reason=LOOP), 508, f"laptop; fwd=miss; detail={LOOP}"),
]


@pytest.mark.parametrize(("error", "status", "told"), PAGE_ERRORS)
def test_an_error_of_a_page_says_that_a_node_is_speaking(error: TiercacheError, status: int, told: str) -> None:
    node = WebNode()
    node.pages.raising = error
    reply = node.get("/simple/numpy/")
    assert (reply.status, reply.headers["cache-status"]) == (status, told)


@pytest.mark.parametrize(
    ("error", "status", "told"),
    [
        (FileAbsent(filename="numpy-1.tar.gz"), 404, "laptop; fwd=miss; detail=absent"),
        (FileRefused(filename="numpy-1.tar.gz", reason="it is"), 403, "laptop; detail=not-admitted"),
        (NotStored(subject="numpy-1.tar.gz"), 404, "laptop; detail=not-stored"),
        (NoTierAnswered(subject="numpy-1.tar.gz", reason="timeout"), 503, "laptop; fwd=miss; detail=timeout"),
        (
            DigestMismatch(filename="numpy-1.tar.gz", algorithm="sha256", expected="a", actual="b"),
            502,
            "laptop; fwd=miss; detail=wrong-bytes",
        ),
    ],
)
def test_an_error_of_a_file_says_it_too(error: TiercacheError, status: int, told: str) -> None:
    node = WebNode(files=FileShelf(raising=error))
    reply = node.get(f"/files/{'0' * 64}/numpy-1.tar.gz")
    assert (reply.status, reply.headers["cache-status"]) == (status, told)


def test_only_if_cached_that_is_not_stored_says_so() -> None:
    node = WebNode()
    node.pages.raising = NotStored(subject="The page of numpy")
    reply = node.get("/simple/numpy/", {"Cache-Control": "only-if-cached"})
    assert (reply.status, reply.headers["cache-status"]) == (504, "laptop; detail=not-stored")


@pytest.mark.parametrize("path", ["/nothing/here", "/healthz"])
def test_what_is_no_page_and_no_file_says_nothing_of_a_cache(path: str) -> None:
    assert "cache-status" not in WebNode().get(path).headers


def test_a_name_that_is_none_says_nothing_of_a_cache() -> None:
    node = WebNode()
    node.pages.raising = InvalidName(name="x y")
    assert "cache-status" not in node.get("/simple/numpy/").headers
