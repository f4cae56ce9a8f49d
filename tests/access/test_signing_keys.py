"""The keys of an issuer, as it shows them: which of them can verify a token, and by which algorithms."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from tests.doubles.issuer import private_key, public_jwk
from tiercache.access.signing_keys import ALGORITHMS, MOST_KEYS, keys_of


def document(*keys: object) -> bytes:
    return json.dumps({"keys": keys}).encode()


GOOD = public_jwk("P-256", "good")


@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [
        ("RSA", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ("P-256", {"ES256"}),
        ("P-384", {"ES384"}),
        ("Ed25519", {"EdDSA"}),
    ],
)
def test_key_goes_with_the_algorithms_of_its_kind(kind: str, algorithms: set[str]) -> None:
    (key,) = keys_of(document(public_jwk(kind, "one")))
    assert key.key_id == "one"
    assert key.algorithms == algorithms


def test_key_that_names_its_algorithm_goes_with_no_other() -> None:
    (key,) = keys_of(document(public_jwk("RSA", "one", alg="PS256")))
    assert key.algorithms == {"PS256"}


def test_no_algorithm_is_none_or_has_a_shared_secret() -> None:
    assert not [name for name in ALGORITHMS if name == "none" or name.startswith("HS")]


@pytest.mark.parametrize(
    "unusable",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "x"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "x", "alg": "RS256"},
        public_jwk("RSA", "x", alg="HS256"),
        public_jwk("RSA", "x", alg="none"),
        public_jwk("RSA", "x", alg="ES256"),
        public_jwk("RSA", "x", alg=["RS256"]),
        public_jwk("RSA", "x", use="enc"),
        public_jwk("RSA", "x", key_ops=["encrypt"]),
        public_jwk("RSA", "x", key_ops="verify"),
        public_jwk("RSA", "x", kid=7),
        public_jwk("RSA", "x", n="!"),
        public_jwk("RSA", "x", n=5),
        public_jwk("RSA", "x", e="AA"),
        public_jwk("P-256", "x", x="AAAA"),
        public_jwk("P-256", "x", crv="secp256k1"),
        public_jwk("P-256", "x", crv=None),
        public_jwk("Ed25519", "x", x="AAAA"),
        {"kty": "RSA"},
        {"kty": ["RSA"]},
        {},
        "a key",
        None,
    ],
)
def test_key_that_cannot_verify_a_token_is_left_out(unusable: Any) -> None:
    assert [key.key_id for key in keys_of(document(unusable, GOOD))] == ["good"]
    with pytest.raises(ValueError, match="no key that can verify"):
        keys_of(document(unusable))


@pytest.mark.parametrize(("bits", "is_taken"), [(2048, True), (2040, False), (1024, False)])
def test_rsa_key_is_long_enough(bits: int, is_taken: bool) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    shown = {**RSAAlgorithm.to_jwk(key, as_dict=True), "kid": "x"}
    assert [key.key_id for key in keys_of(document(shown, GOOD))] == (["x"] if is_taken else []) + ["good"]


def test_private_part_that_an_issuer_shows_by_mistake_is_not_read() -> None:
    shown = {**RSAAlgorithm.to_jwk(private_key("RSA", 0), as_dict=True), "key_ops": ["verify"]}
    (key,) = keys_of(document(shown))
    assert isinstance(key.key, rsa.RSAPublicKey)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]", b"{}", b'{"keys": {}}', b"[" * 100_000])
def test_what_is_no_set_of_keys_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match="its keys are no"):
        keys_of(text)


MEMBERS = st.sampled_from(["kty", "kid", "use", "alg", "key_ops", "n", "e", "crv", "x", "y", "d", "k"])
VALUES = st.none() | st.integers() | st.text(max_size=6) | st.lists(st.text(max_size=4), max_size=2)
WORDS = st.sampled_from(["RSA", "EC", "OKP", "oct", "P-256", "Ed25519", "sig", "verify", "AQAB", "RS256"])


@given(st.lists(st.dictionaries(MEMBERS, VALUES | WORDS, max_size=8), max_size=3))
def test_whatever_an_issuer_shows_is_keys_or_refused_in_words(shown: list[dict[str, object]]) -> None:
    keys = keys_of(document(*shown, GOOD))
    assert keys[-1].key_id == "good"
    assert all(key.algorithms <= ALGORITHMS for key in keys)


def test_keys_are_read_up_to_their_limit_and_no_further() -> None:
    many = [{**GOOD, "kid": str(number)} for number in range(MOST_KEYS + 1)]
    assert [key.key_id for key in keys_of(document(*many))] == [str(number) for number in range(MOST_KEYS)]
