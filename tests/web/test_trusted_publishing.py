"""What a job of a CI system is told that asks for a token: the clients' own words, and every bad input."""

from __future__ import annotations

import json
from typing import Any

import pytest
from twisted.internet.error import ConnectionRefusedError as Refused

from tests.doubles.issuer import DISCOVERY, KEYS, base64url, by_hand
from tests.doubles.minting_node import BEGAN, PUBLISHERS, MintingNode, trusting
from tests.doubles.tier_http import chunked_answer, http_answer
from tests.doubles.wire import Reply
from tiercache.access.identity import LONGEST_BYTES
from tiercache.access.tokens import IssuedToken, token_digest
from tiercache.cache.signing_keys import ASKED_EVERY_S
from tiercache.simple.names import normalise
from tiercache.web.trusted_publishing import MOST_BODY_BYTES


@pytest.fixture
def node() -> MintingNode:
    return MintingNode()


def error(reply: Reply) -> str:
    """The code and the words, as clients take them from an answer that refuses."""
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    stated = json.loads(reply.body)
    assert set(stated) == {"message", "errors"}
    assert stated["message"] == "Token request failed"
    (one,) = stated["errors"]
    assert set(one) == {"code", "description"}
    words = one["description"].removeprefix("This identity token opens nothing here: ").removesuffix(".")
    return f"{reply.status} {one['code']}: {words}"


def issued(node: MintingNode, text: str) -> IssuedToken:
    token = node.catalogue.token(token_digest(text))
    assert token is not None
    return token


def nothing_was_issued(node: MintingNode) -> bool:
    return node.catalogue.tokens() == []


# -- what clients ask, and are told -----------------------------------------------------------------------------


def test_audience_is_told(node: MintingNode) -> None:
    reply = node.wire.get("/_/oidc/audience")
    assert (reply.status, json.loads(reply.body)) == (200, {"audience": "https://packages.example/"})
    assert reply.headers["content-type"] == "application/json"


def test_job_of_a_trusted_publisher_gets_a_token_for_a_quarter_of_an_hour(node: MintingNode) -> None:
    reply = node.mint(node.ci.token())
    assert reply.status == 200
    stated = json.loads(reply.body)
    assert set(stated) == {"success", "token", "expires"}
    assert (stated["success"], stated["expires"]) == (True, BEGAN + 900)
    assert reply.headers["cache-control"] == "no-store"
    token = issued(node, stated["token"])
    assert (token.kind, token.owner, token.name) == ("publisher", "ci:acme/tools", "run 314159")
    assert (token.may, token.expires_at) == (frozenset({"publish"}), BEGAN + 900)
    assert normalise("acme-tools") in token.projects
    assert normalise("numpy") not in token.projects
    assert token.is_live(BEGAN + 899.9)
    assert not token.is_live(BEGAN + 900)


def test_every_token_is_another_one(node: MintingNode) -> None:
    assert len({node.minted() for _ in range(3)}) == 3
    assert len(node.catalogue.tokens()) == 3
    assert node.http.asked() == [f"GET {DISCOVERY}", f"GET {KEYS}"]


def test_lifetime_and_rights_are_the_first_publishers_that_is_meant() -> None:
    more = 'issuer: "https://ci.example", claims: {environment: release}, projects: [x], may: [manage], lifetime: 90s'
    node = MintingNode(config=trusting(f"{PUBLISHERS}    - {{{more}}}\n"))
    assert issued(node, node.minted()).may == frozenset({"publish"})
    other = issued(node, node.minted(repository="other/tools"))
    assert (other.may, other.projects.patterns, other.expires_at) == (frozenset({"manage"}), ("x",), BEGAN + 90)


def test_node_that_trusts_no_publisher_has_no_mint() -> None:
    node = MintingNode(config=trusting(""))
    assert node.wire.get("/_/oidc/audience").status == 404
    assert error(node.mint(node.ci.token())) == "404 invalid-request: There is nothing here"


def test_other_keys_beside_the_token_are_not_looked_at(node: MintingNode) -> None:
    assert node.post(json.dumps({"token": node.ci.token(), "more": 1}).encode()).status == 200


# -- bad tokens -------------------------------------------------------------------------------------------------


def test_wrong_audience(node: MintingNode) -> None:
    assert error(node.mint(node.ci.token(aud="https://other.example/"))) == (
        "422 invalid-token: the token is for another audience"
    )
    assert nothing_was_issued(node)


def test_issuer_that_is_not_configured_is_not_even_asked(node: MintingNode) -> None:
    for issuer in ("https://evil.example", "https://ci.example/", "HTTPS://ci.example", "", "http://169.254.169.254"):
        assert error(node.mint(node.ci.token(iss=issuer))) == (
            "422 invalid-payload: the token is of an issuer that is not trusted here"
        )
    assert node.http.requests == []
    assert nothing_was_issued(node)


def test_expired(node: MintingNode) -> None:
    token = node.ci.token()
    node.http.clock.rightNow += 330
    assert error(node.mint(token)) == "422 invalid-token: the token has expired"
    assert nothing_was_issued(node)


def test_not_yet_valid(node: MintingNode) -> None:
    token = node.ci.token(nbf=BEGAN + 60)
    assert error(node.mint(token)) == "422 invalid-token: the token is not good yet"
    node.http.clock.rightNow += 30
    assert node.mint(token).status == 200


def test_algorithm_none(node: MintingNode) -> None:
    for token in (
        by_hand({"alg": "none"}, node.ci.claims()),
        by_hand({"alg": "none", "kid": "first"}, node.ci.claims(), lambda _: b"x"),
        by_hand({"alg": "nOnE"}, node.ci.claims()),
    ):
        assert error(node.mint(token)).startswith("422 invalid-token: the token is not signed")
    assert nothing_was_issued(node)


def test_hs256_signed_with_the_public_key(node: MintingNode) -> None:
    assert error(node.mint(node.ci.signed_with_the_public_key())).startswith(
        "422 invalid-token: the token is not signed by a public key's algorithm"
    )
    assert nothing_was_issued(node)


def test_unknown_kid(node: MintingNode) -> None:
    token = node.ci.token(headers={"kid": "made-up"})
    assert error(node.mint(token)) == "422 invalid-token: the token is signed by no key that its issuer shows"
    assert nothing_was_issued(node)


def test_tampered(node: MintingNode) -> None:
    header, _, signature = node.ci.token().split(".")
    payload = base64url(json.dumps(node.ci.claims(repository="acme/other")).encode())
    assert error(node.mint(f"{header}.{payload}.{signature}")) == (
        "422 invalid-token: the token's signature is not its issuer's"
    )
    assert nothing_was_issued(node)


@pytest.mark.parametrize(
    "claims",
    [
        {"repository": "evil/tools"},
        {"repository": "acme-evil/tools"},
        {"repository": None},
        {"repository": ["acme/tools"]},
        {"environment": "test"},
        {"environment": None},
        {"environment": ""},
    ],
)
def test_claims_that_do_not_match(node: MintingNode, claims: dict[str, Any]) -> None:
    assert error(node.mint(node.ci.token(**claims))) == (
        "422 invalid-publisher: the token is genuine, but no trusted publisher has its claims"
    )
    assert nothing_was_issued(node)


def test_token_that_matched_nobody_is_not_used_up(node: MintingNode) -> None:
    token = node.ci.token(environment="test")
    node.mint(token)
    node.config = trusting(PUBLISHERS.replace("release", "test"))
    node.begin()
    assert node.mint(token).status == 200


def test_replay(node: MintingNode) -> None:
    token = node.ci.token()
    assert node.mint(token).status == 200
    assert error(node.mint(token)) == "422 invalid-reuse-token: the token was used before"
    assert error(node.mint(node.ci.token(jti="token-1"))).startswith("422 invalid-reuse-token")
    assert len(node.catalogue.tokens()) == 1


def test_replay_of_a_token_without_a_jti(node: MintingNode) -> None:
    token = node.ci.token(jti=None)
    assert node.mint(token).status == 200
    assert error(node.mint(token)).startswith("422 invalid-reuse-token")


def test_replay_after_a_restart(node: MintingNode) -> None:
    token = node.ci.token()
    assert node.mint(token).status == 200
    node.begin()
    assert error(node.mint(token)) == "422 invalid-reuse-token: the token was used before"
    assert node.mint(node.ci.token()).status == 200


def test_two_that_show_one_token_at_once_get_one(node: MintingNode) -> None:
    body = json.dumps({"token": node.ci.token()}).encode()
    connections = [node.wire.connect(), node.wire.connect()]
    for connection in connections:
        assert connection is not None
        connection.ask("POST", "/_/oidc/mint-token", {}, body)
    node.http.settle()
    assert sorted(connection.reply("POST").status for connection in connections if connection) == [200, 422]
    assert len(node.catalogue.tokens()) == 1


# -- bad requests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"token",
        b"\xff\xfe",
        b"[]",
        b"null",
        b'"token"',
        b"{}",
        b'{"token": null}',
        b'{"token": 5}',
        b'{"token": ["a.b.c"]}',
        b'{"Token": "a.b.c"}',
        b"token=a.b.c",
        b"[" * 10_000,
        b'{"token": "' + b"\xff" + b'"}',
    ],
)
def test_what_is_not_the_json_that_is_wanted(node: MintingNode, body: bytes) -> None:
    assert error(node.post(body)).startswith("422 invalid-payload: the request is ")
    assert node.http.requests == []


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "..", "\ud83d\ude00", "\x00", "a" * LONGEST_BYTES])
def test_what_is_no_token(node: MintingNode, token: str) -> None:
    assert error(node.mint(token)) == "422 invalid-payload: the token is no JSON Web Token"


def test_token_of_a_megabyte(node: MintingNode) -> None:
    assert error(node.mint("a" * (LONGEST_BYTES + 1))) == "422 invalid-payload: the token has more than 16384 bytes"
    head = len(b'{"token": ""}')
    assert "the token has more" in error(node.mint("a" * (MOST_BODY_BYTES - head)))
    assert error(node.mint("a" * (MOST_BODY_BYTES - head + 1))) == (
        "422 invalid-payload: the request has more than 32768 bytes"
    )
    assert "the request has more" in error(node.mint("a" * 1_000_000))
    assert node.post(b"a" * (1024 * 1024 + 1)).status == 413
    assert node.http.requests == []


def test_other_verbs_and_paths_have_no_meaning(node: MintingNode) -> None:
    assert error(node.wire.get("/_/oidc/mint-token")).startswith("405 invalid-request")
    assert node.wire.get("/_/oidc/audience", method="POST").status == 405
    assert node.wire.get("/_/oidc/").status == 404


# -- issuers that are no help -----------------------------------------------------------------------------------


def test_issuer_that_hangs_is_told_of_before_twine_gives_up(node: MintingNode) -> None:
    node.http.on(f"GET {DISCOVERY}", None)
    connection = node.wire.connect()
    assert connection is not None
    connection.ask("POST", "/_/oidc/mint-token", {}, json.dumps({"token": node.ci.token()}).encode())
    node.http.advance(1.9)
    assert connection.received == b""
    node.http.advance(0.1)
    reply = connection.reply("POST")
    assert error(reply) == (
        "503 unavailable: The keys of the issuer https://ci.example cannot be had: it did not answer within 2 s"
    )
    assert reply.headers["retry-after"] == "28"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (DISCOVERY, http_answer(302, b"", {"Location": "https://evil.example/"})),
        (DISCOVERY, http_answer(200, b'{"issuer": "https://evil.example", "jwks_uri": "https://ci.example/keys"}')),
        (DISCOVERY, http_answer(200, b'{"issuer": "https://ci.example", "jwks_uri": "http://ci.example/keys"}')),
        (DISCOVERY, chunked_answer(*[b" " * 100_000] * 100)),
        (DISCOVERY, http_answer(500)),
        (KEYS, http_answer(200, b"<html>")),
        (KEYS, http_answer(200, b'{"keys": []}')),
        (KEYS, http_answer(307, b"", {"Location": "https://evil.example/"})),
        (KEYS, chunked_answer(*[b" " * 100_000] * 100)),
        (KEYS, b"HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n"),
    ],
    ids=range(10),
)
def test_issuer_that_lies_redirects_or_floods_gives_nobody_anything(
    node: MintingNode, asked: str, answer: bytes
) -> None:
    node.http.on(f"GET {asked}", answer)
    assert error(node.mint(node.ci.token())).startswith("503 unavailable: The keys of the issuer")
    assert nothing_was_issued(node)
    assert not [one for one in node.http.asked() if "evil" in one]


def test_issuer_that_is_down_is_not_asked_for_each_token_and_is_tried_again(node: MintingNode) -> None:
    node.http.no_connection("ci.example", Refused())
    token = node.ci.token()
    for _ in range(10):
        assert node.mint(token).status == 503
    node.http.connections_again("ci.example")
    assert node.mint(token).status == 503
    node.http.advance(ASKED_EVERY_S)
    assert node.mint(token).status == 200  # what could not be checked was not used up


def test_known_key_does_while_the_issuer_is_down(node: MintingNode) -> None:
    node.minted()
    node.http.no_connection("ci.example", Refused())
    node.http.advance(7200)
    assert node.mint(node.ci.token()).status == 200


def test_keys_that_are_rotated(node: MintingNode) -> None:
    node.minted()
    node.ci.keys = {"second": ("P-256", 1), "first": ("RSA", 0)}
    node.http.advance(ASKED_EVERY_S)
    assert node.mint(node.ci.token(key_id="second")).status == 200
    assert node.mint(node.ci.token(key_id="first")).status == 200
    del node.ci.keys["first"]
    node.http.advance(3600)
    assert node.mint(node.ci.token(key_id="second")).status == 200
    node.ci.keys["first"] = ("RSA", 0)
    token = node.ci.token(key_id="first")
    del node.ci.keys["first"]
    assert error(node.mint(token)) == "422 invalid-token: the token is signed by no key that its issuer shows"


def test_flood_of_made_up_keys_asks_the_issuer_once_in_a_while(node: MintingNode) -> None:
    node.minted()
    node.http.advance(ASKED_EVERY_S)
    before = len(node.http.requests)
    for number in range(50):
        node.mint(node.ci.token(headers={"kid": f"made-up-{number}"}))
    assert len(node.http.requests) == before + 2
    assert node.mint(node.ci.token()).status == 200
