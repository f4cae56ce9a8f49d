"""What is ready is what the node knows: whatever changes that is seen by the very next request."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from attrs import evolve

from tests.doubles.hosting import publish
from tests.doubles.now import result_of
from tests.doubles.small_node import CONFIG, listed, wheel
from tests.web.hot.twins import ACME_NAME, NUMPY, NUMPY_NAME, SIDECAR, MakeTwins, Twins, head, sha256
from tiercache.config import AccessConfig, GrantConfig, Secret, UserConfig
from tiercache.policy.entry import Ask
from tiercache.policy.news import Position
from tiercache.simple.model import FileIdentity
from tiercache.simple.names import normalise
from tiercache.wire import Reserved

PRIVATE, NUMPY_PROJECT = normalise("acme-tools"), normalise("numpy")


def uploaded(twins: Twins) -> None:
    parts = twins.node.parts
    publish(parts.hosted, parts.stored_files, "acme-tools", "acme_tools-2.0-py3-none-any.whl", wheel("a", "2.0", b"x"))


def yanked(twins: Twins) -> None:
    result_of(twins.node.parts.hosted.yank(PRIVATE, ACME_NAME, "broken"))


def quarantined(twins: Twins) -> None:
    result_of(twins.node.parts.hosted.set_status(PRIVATE, "quarantined"))


def withdrawn(twins: Twins) -> None:
    result_of(twins.node.parts.hosted.withdraw(PRIVATE, ACME_NAME))


def released(twins: Twins) -> None:
    result_of(twins.node.parts.hosted.withdraw(PRIVATE))


def news_came(twins: Twins) -> None:
    result_of(
        twins.node.parts.pages._entries.hear(NUMPY_PROJECT, "public", Position(epoch="e", serial=1), is_known=False)
    )


def insisted(twins: Twins) -> None:
    listed(twins.public, "numpy", (NUMPY_NAME, NUMPY), ("numpy-2.0.tar.gz", b"two"))
    result_of(twins.node.page("numpy", Ask(no_cache=True)))


def gone_above(twins: Twins) -> None:
    del twins.public.pages[NUMPY_PROJECT]
    with pytest.raises(Exception, match="numpy"):
        result_of(twins.node.page("numpy", Ask(no_cache=True)))


def went_offline(twins: Twins) -> None:
    result_of(twins.node.parts.switch.set(True))


def hosted_here(twins: Twins) -> None:
    parts = twins.node.parts
    publish(parts.hosted, parts.stored_files, "numpy", "numpy-9.0-py3-none-any.whl", wheel("numpy", "9.0", b"x"))


def reserved_elsewhere(twins: Twins) -> None:
    said = Reserved(digest="x", complete=True, names=("numpy",))
    result_of(twins.node.parts.reserved.heard("public", "epoch", said))


def damaged(twins: Twins) -> None:
    twins.node.parts.stored_files.quarantine(sha256(NUMPY))


def forgotten(twins: Twins) -> None:
    result_of(twins.node.catalogue.forget_attachment(FileIdentity("sha256", sha256(NUMPY)), "metadata"))
    twins.node.clock.advance(1)  # what changes the store itself, and says so to nobody, is seen soon


SHOWS_NOTHING = (went_offline, forgotten, hosted_here, news_came, reserved_elsewhere)
"""Of some of the paths: the application is asked all the same, and may answer as before."""


@pytest.mark.parametrize(
    ("path", "change"),
    [
        ("/simple/acme-tools/", uploaded),
        ("/simple/acme-tools/", yanked),
        ("/simple/acme-tools/", quarantined),
        ("/simple/acme-tools/", withdrawn),
        ("/simple/acme-tools/", released),
        ("/local/acme-tools/", uploaded),
        ("/local/acme-tools/", withdrawn),
        ("/simple/numpy/", news_came),
        ("/simple/numpy/", insisted),
        ("/simple/numpy/", gone_above),
        ("/simple/numpy/", went_offline),
        ("/simple/numpy/", hosted_here),
        ("/simple/numpy/", reserved_elsewhere),
        ("/local/numpy/", hosted_here),
        (SIDECAR, gone_above),
        (SIDECAR, hosted_here),
        (SIDECAR, news_came),
        (SIDECAR, forgotten),
    ],
)
def test_change_is_seen_by_the_next_request(path: str, change: Callable[[Twins], None], make_twins: MakeTwins) -> None:
    twins = make_twins()
    before = twins.warm(path)
    assert twins.is_hot(head("GET", path))
    change(twins)
    ready = twins.hot_answer(head("GET", path))
    asked = twins.stock_answer(head("GET", path))
    assert _but_how(ready) == _but_how(asked)
    assert ready != before or change in SHOWS_NOTHING


def _but_how(answer: bytes) -> bytes:
    """Without how it was come by: who asks first has it from a tier, the next from the store."""
    return b"\r\n".join(line for line in answer.split(b"\r\n") if not line.startswith((b"Cache-Status", b"Age")))


def test_what_may_not_be_read_by_anyone_is_kept_for_nobody(make_twins: MakeTwins) -> None:
    access = AccessConfig(
        users={"alice": UserConfig(token=Secret("alices-token"))},
        grants=(
            GrantConfig(who=("alice",), may=("read",), projects=("*",)),
            GrantConfig(who=("anyone",), may=("read",), projects=("numpy",)),
        ),
    )
    twins = make_twins(config=evolve(CONFIG, access=access))
    shown = {"Authorization": "Bearer alices-token"}
    for path in ("/simple/acme-tools/", "/local/acme-tools/"):
        for fields in (shown, {}, {"Authorization": "Bearer nobodys"}):
            assert not twins.is_hot(head("GET", path, fields))
        assert b" 401 " in twins.hot_answer(head("GET", path))
    for path in ("/simple/numpy/", SIDECAR):
        twins.warm(path)
        for fields in (shown, {}, {"Authorization": "Bearer nobodys"}):
            assert twins.is_hot(head("GET", path, fields)), "what is for anyone is for whoever comes"
            assert twins.hot_answer(head("GET", path, fields)) == twins.stock_answer(head("GET", path, fields))


def test_request_that_has_been_here_is_refused_whatever_is_ready(make_twins: MakeTwins) -> None:
    twins = make_twins()
    twins.warm("/simple/numpy/")
    for fields, status in (
        ({"Via": "1.1 here"}, b" 508 "),
        ({"CDN-Loop": "here"}, b" 508 "),
        ({"Via": "1.1 other"}, b" 200 "),
    ):
        request = head("GET", "/simple/numpy/", fields)
        assert status in twins.hot_answer(request).split(b"\r\n")[0]
        assert twins.hot_answer(request) == twins.stock_answer(request)


@pytest.mark.parametrize(
    "fields",
    [
        {"Cache-Control": "no-cache"},
        {"Cache-Control": "max-age=0"},
        {"cache-control": "only-if-cached"},
        {"Pragma": "no-cache"},
    ],
)
def test_client_that_asks_for_more_than_what_is_stored_is_heard(fields: dict[str, str], make_twins: MakeTwins) -> None:
    twins = make_twins()
    twins.warm("/simple/numpy/")
    assert not twins.is_hot(head("GET", "/simple/numpy/", fields))
