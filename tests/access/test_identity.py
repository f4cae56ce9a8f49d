"""Identity tokens: what is believed of them, and every way in which one is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.doubles.issuer import AUDIENCE, URL, SmallIssuer, base64url, by_hand, private_key, public_jwk
from tiercache.access.identity import LEEWAY_S, LONGEST_BYTES, LONGEST_LIFE_S, Identity, read, verified
from tiercache.access.signing_keys import keys_of
from tiercache.errors import IdentityRefused

NOW = 1_800_000_000.0


@pytest.fixture
def issuer() -> SmallIssuer:
    return SmallIssuer(now=lambda: NOW)


def identity(issuer: SmallIssuer, token: str, now: float = NOW, audience: str = AUDIENCE) -> Identity:
    return verified(read(token), keys_of(issuer.jwks()), audience=audience, now=now)


def refused(issuer: SmallIssuer, token: str, **how: Any) -> str:
    """The code and the words of the refusal."""
    with pytest.raises(IdentityRefused) as caught:
        identity(issuer, token, **how)
    return f"{caught.value.code}: {caught.value.reason}"


@pytest.mark.parametrize("kind", ["RSA", "P-256", "P-384", "Ed25519"])
def test_genuine_token_gives_the_claims_that_its_issuer_signed(issuer: SmallIssuer, kind: str) -> None:
    issuer.keys["other"] = (kind, 1)
    found = identity(issuer, issuer.token(key_id="other", environment="staging", jti="seven"))
    assert (found.issuer, found.id, found.expires_at) == (URL, "jti seven", NOW + 300 + LEEWAY_S)
    assert (found.claims["repository"], found.claims["environment"]) == ("acme/tools", "staging")


def test_token_shows_its_issuer_and_key_before_it_is_believed(issuer: SmallIssuer) -> None:
    claimed = read(issuer.token())
    assert (claimed.issuer, claimed.key_id, claimed.algorithm) == (URL, "first", "RS256")


# -- whose it is ------------------------------------------------------------------------------------------------


def test_wrong_audience_is_refused(issuer: SmallIssuer) -> None:
    assert refused(issuer, issuer.token(aud="https://other.example/")) == (
        "invalid-token: the token is for another audience"
    )
    assert refused(issuer, issuer.token(aud=[])).startswith("invalid-token")
    assert refused(issuer, issuer.token(aud=None)) == "invalid-token: the token has no claim aud"
    assert refused(issuer, issuer.token(aud={"a": 1})).startswith("invalid-token")
    assert refused(issuer, issuer.token(aud=AUDIENCE + "x")).startswith("invalid-token")


def test_audience_may_be_one_of_several(issuer: SmallIssuer) -> None:
    assert identity(issuer, issuer.token(aud=["https://other.example/", AUDIENCE]))


@pytest.mark.parametrize("without", ["exp", "iat"])
def test_token_without_its_times_is_refused(issuer: SmallIssuer, without: str) -> None:
    assert refused(issuer, issuer.token(**{without: None})) == f"invalid-token: the token has no claim {without}"


def test_token_without_an_issuer_is_refused(issuer: SmallIssuer) -> None:
    token = issuer.token()
    header, _, signature = token.split(".")
    claims = {name: value for name, value in issuer.claims().items() if name != "iss"}
    assert "names no issuer" in refused(issuer, f"{header}.{base64url(json.dumps(claims).encode())}.{signature}")


# -- when it is good: each edge from both sides -----------------------------------------------------------------


def test_expired_token_is_refused_after_the_leeway(issuer: SmallIssuer) -> None:
    token = issuer.token(exp=NOW + 300)
    assert identity(issuer, token, now=NOW + 300 + LEEWAY_S - 0.001)
    assert refused(issuer, token, now=NOW + 300 + LEEWAY_S) == "invalid-token: the token has expired"


@pytest.mark.parametrize("claim", ["nbf", "iat"])
def test_token_that_is_not_good_yet_is_refused_before_the_leeway(issuer: SmallIssuer, claim: str) -> None:
    later: dict[str, Any] = {claim: NOW + 100}
    token = issuer.token(**later)
    assert identity(issuer, token, now=NOW + 100 - LEEWAY_S)
    assert refused(issuer, token, now=NOW + 100 - LEEWAY_S - 0.001) == "invalid-token: the token is not good yet"


def test_token_needs_no_nbf(issuer: SmallIssuer) -> None:
    assert identity(issuer, issuer.token(nbf=None))


def test_token_that_is_good_for_more_than_a_day_is_refused(issuer: SmallIssuer) -> None:
    assert identity(issuer, issuer.token(exp=NOW + LONGEST_LIFE_S))
    assert "more than a day" in refused(issuer, issuer.token(exp=NOW + LONGEST_LIFE_S + 1))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), "1800000300", True, [], {}])
@pytest.mark.parametrize("claim", ["exp", "iat", "nbf"])
def test_time_that_is_none_is_refused(issuer: SmallIssuer, claim: str, value: object) -> None:
    # Signed by the issuer itself: a library would hardly write some of these.
    payload = json.dumps({**issuer.claims(), claim: value})
    token = by_hand({"alg": "RS256", "kid": "first"}, None, _rs256, raw=payload)
    assert refused(issuer, token) == f"invalid-token: the token's {claim} is no time"


# -- how it is signed -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "HS256", "HS512", "ES256K", "RS1", None, 5, ["RS256"]]
)
def test_algorithm_that_proves_nothing_is_refused(issuer: SmallIssuer, algorithm: object) -> None:
    for signature in (lambda _: b"", _rs256):
        token = by_hand({"alg": algorithm, "kid": "first"}, issuer.claims(), signature)
        assert refused(issuer, token) == "invalid-token: the token is not signed by a public key's algorithm"


def test_hmac_with_the_public_key_for_its_secret_is_refused(issuer: SmallIssuer) -> None:
    assert refused(issuer, issuer.signed_with_the_public_key()) == (
        "invalid-token: the token is not signed by a public key's algorithm"
    )


def test_algorithm_of_another_kind_of_key_is_refused(issuer: SmallIssuer) -> None:
    issuer.keys["curve"] = ("P-256", 0)
    _, payload, signature = issuer.token(key_id="curve").split(".")
    mixed = base64url(json.dumps({"alg": "ES256", "kid": "first"}).encode())
    assert "no key that its issuer shows" in refused(issuer, f"{mixed}.{payload}.{signature}")


def test_unknown_key_is_refused(issuer: SmallIssuer) -> None:
    issuer.keys["second"] = ("RSA", 1)
    token = issuer.token(key_id="second")
    del issuer.keys["second"]
    assert refused(issuer, token) == "invalid-token: the token is signed by no key that its issuer shows"


def test_key_by_the_name_of_another_is_refused(issuer: SmallIssuer) -> None:
    issuer.keys["second"] = ("RSA", 1)
    token = issuer.token(key_id="second", headers={"kid": "first"})
    assert refused(issuer, token) == "invalid-token: the token's signature is not its issuer's"


def test_token_without_a_key_name_needs_a_key_without_one(issuer: SmallIssuer) -> None:
    token = issuer.token(key_id=None)
    nameless = keys_of(json.dumps({"keys": [public_jwk("RSA", None)]}).encode())
    assert verified(read(token), nameless, audience=AUDIENCE, now=NOW)
    assert "no key that its issuer shows" in refused(issuer, token)


def test_two_keys_by_one_name_are_none(issuer: SmallIssuer) -> None:
    twice = keys_of(json.dumps({"keys": [public_jwk("RSA", "first"), public_jwk("RSA", "first", 1)]}).encode())
    with pytest.raises(IdentityRefused, match="no key that its issuer shows"):
        verified(read(issuer.token()), twice, audience=AUDIENCE, now=NOW)


def test_tampered_token_is_refused(issuer: SmallIssuer) -> None:
    header, payload, signature = issuer.token().split(".")
    other = base64url(json.dumps(issuer.claims(repository="evil/tools")).encode())
    wanted = "invalid-token: the token's signature is not its issuer's"
    assert refused(issuer, f"{header}.{other}.{signature}") == wanted
    flipped = signature[:-10] + ("A" if signature[-10] != "A" else "B") + signature[-9:]
    assert refused(issuer, f"{header}.{payload}.{flipped}") == wanted
    assert refused(issuer, f"{header}.{payload}.") == wanted
    renamed = base64url(json.dumps({"alg": "RS512", "kid": "first"}).encode())
    assert refused(issuer, f"{renamed}.{payload}.{signature}") == wanted


def test_key_that_the_token_brings_along_is_not_used(issuer: SmallIssuer) -> None:
    issuer.keys["second"] = ("RSA", 1)
    brought = {
        "jwk": public_jwk("RSA", "second", 1),
        "jku": "https://evil.example/keys",
        "x5u": "https://evil.example/",
    }
    token = issuer.token(key_id="second", headers=brought)
    del issuer.keys["second"]
    assert "no key that its issuer shows" in refused(issuer, token)


def test_extension_that_has_to_be_understood_is_not(issuer: SmallIssuer) -> None:
    assert refused(issuer, issuer.token(headers={"crit": ["exp"]})).startswith("invalid-payload")


# -- what is no token -------------------------------------------------------------------------------------------


def _rs256(signed: bytes) -> bytes:
    from jwt.algorithms import RSAAlgorithm

    return RSAAlgorithm(RSAAlgorithm.SHA256).sign(signed, private_key("RSA", 0))


MALFORMED: list[Callable[[str], str]] = [
    lambda token: "",
    lambda token: "x",
    lambda token: "a.b",
    lambda token: "..",
    lambda token: "a.b.c",
    lambda token: token.rpartition(".")[0],
    lambda token: f"{token}.{token}",
    lambda token: token.replace(".", "!", 1),
    lambda token: "é" + token,
    lambda token: "\ud800" + token,
    lambda token: f"{token}\n.",
    lambda token: by_hand("RS256", {}),
    lambda token: by_hand([], {}),
    lambda token: by_hand({"alg": "RS256", "kid": 7}, {}),
    lambda token: by_hand({"alg": "RS256"}, []),
    lambda token: by_hand({"alg": "RS256"}, "text"),
    lambda token: by_hand({"alg": "RS256"}, None, raw="{"),
    lambda token: by_hand({"alg": "RS256"}, None, raw="[" * 10_000),
    lambda token: by_hand({"alg": "RS256"}, None, raw='{"iat": ' + "9" * 5000 + "}"),
]


@pytest.mark.parametrize("number", range(len(MALFORMED)))
def test_what_is_no_token_is_refused(issuer: SmallIssuer, number: int) -> None:
    assert refused(issuer, MALFORMED[number](issuer.token())) == "invalid-payload: the token is no JSON Web Token"


def test_token_is_read_up_to_its_limit_and_not_a_byte_further(issuer: SmallIssuer) -> None:
    header, payload, _ = issuer.token().split(".")
    shortest = f"{header}.{payload}."
    room = LONGEST_BYTES - len(shortest)
    filled = shortest + "A" * (room - room % 4)
    assert "signature" in refused(issuer, filled)
    assert refused(issuer, shortest + "A" * (room + 1)) == "invalid-payload: the token has more than 16384 bytes"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
CLAIM_NAMES = st.sampled_from(["iss", "aud", "exp", "iat", "nbf", "jti", "sub", "alg", "kid", "crit", "b64", "typ"])
OBJECTS = JSON_VALUES | st.dictionaries(CLAIM_NAMES, JSON_VALUES | st.just("RS256"), max_size=6)


@given(st.text(alphabet=st.characters(), max_size=60) | st.builds(by_hand, OBJECTS, OBJECTS))
def test_anything_is_a_claim_or_refused(token: str) -> None:
    try:
        claimed = read(token)
    except IdentityRefused:
        return
    assert (claimed.algorithm, type(claimed.issuer)) == ("RS256", str)


@given(st.dictionaries(CLAIM_NAMES, JSON_VALUES, max_size=6))
def test_whatever_an_issuer_signs_is_an_identity_or_refused(claims: dict[str, object]) -> None:
    issuer = SmallIssuer(now=lambda: NOW)
    payload = json.dumps({**issuer.claims(), **claims, "iss": URL})
    try:
        found = identity(issuer, by_hand({"alg": "RS256", "kid": "first"}, None, _rs256, raw=payload))
    except IdentityRefused:
        return
    assert NOW < found.expires_at <= NOW + LONGEST_LIFE_S + 2 * LEEWAY_S


# -- which token it is ------------------------------------------------------------------------------------------


def test_token_without_a_jti_is_known_by_what_is_signed_of_it(issuer: SmallIssuer) -> None:
    one, other = issuer.token(jti=None), issuer.token(jti=None, ref="refs/heads/main")
    assert identity(issuer, one).id == identity(issuer, one).id != identity(issuer, other).id


@pytest.mark.parametrize("jti", ["", "x" * 256])
def test_jti_that_is_no_identifier_is_refused(issuer: SmallIssuer, jti: str) -> None:
    assert "jti is no identifier" in refused(issuer, issuer.token(jti=jti))
    assert identity(issuer, issuer.token(jti="x" * 255))
