"""A node without any configuration takes uploads from its own machine, whatever name the client insists on showing."""

from __future__ import annotations

from base64 import b64encode

import pytest

from tests.doubles.publishing import PublishingNode
from tests.doubles.surroundings import load
from tests.doubles.uploads import MULTIPART, form_of, made
from tests.doubles.wire import HOST, Wire
from tiercache.access.tokens import PREFIX
from tiercache.config import AccessConfig

WHEEL = made()
LOCAL = {"Host": "127.0.0.1:8141"}
WITH_ALICE = load(
    "access: {users: {alice: {token: token-of-alice-at-this-node}}, grants: [{who: [anyone], may: [read]}]}"
).access


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def status(headers: dict[str, str], peer: str = "127.0.0.1", access: AccessConfig | None = None) -> int:
    """What an upload from this address is answered with; published or not at all."""
    node = PublishingNode(config={"access": access or AccessConfig()})
    wire = Wire(node.chain.clock, node.node.site, peer=peer)
    connection = wire.connect()
    assert connection is not None
    connection.ask("POST", "/legacy/", {**MULTIPART, **LOCAL, **headers}, form_of(WHEEL))
    node.chain.settle()
    found = connection.reply("POST").status
    assert node.filenames() == ([WHEEL.filename] if found == 200 else 404)
    return found


@pytest.mark.parametrize("shown", [{}, basic("anyone", "anyone"), basic("alice", "s3cret")])
def test_this_machine_publishes_with_any_name_where_nobody_has_one(shown: dict[str, str]) -> None:
    assert status(shown) == 200
    assert status(shown, peer="::1") == 200


@pytest.mark.parametrize(
    "shown",
    [
        basic("__token__", "anything"),
        basic("alice", PREFIX + "0" * 40),
        {"Authorization": "Bearer anything"},
        {"Authorization": "Negotiate anything"},
        {"Authorization": "Basic"},
    ],
)
def test_a_token_that_is_nobody_s_is_refused_all_the_same(shown: dict[str, str]) -> None:
    """It was made for somebody once, and may have been revoked."""
    assert status(shown) == 401


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "192.0.2.1"},
        {"Forwarded": "for=192.0.2.1"},
        {"Host": HOST},
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_what_came_through_a_proxy_or_from_a_page_is_not_from_this_machine(headers: dict[str, str]) -> None:
    for shown in ({}, basic("anyone", "anyone")):
        assert status({**headers, **shown}) in (401, 403)


def test_any_name_is_none_from_elsewhere_or_where_somebody_has_one() -> None:
    assert status(basic("anyone", "anyone"), peer="192.0.2.7") == 401
    assert status(basic("anyone", "anyone"), access=WITH_ALICE) == 401
