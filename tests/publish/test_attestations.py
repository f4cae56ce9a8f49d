"""Attestations: of the shape of PEP 740, about the file they came with, and kept as they came."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.publish.archives import SDIST, SDIST_ZIP, WHEEL
from tiercache.errors import AttestationsRefused
from tiercache.publish.attestations import MAX_ATTESTATIONS, STATEMENT, provenance_of

SHA256 = "a" * 64
PUBLISHER = {"kind": "GitHub", "repository": "acme/tools", "workflow": "release.yml"}


def encoded(value: object) -> str:
    return base64.b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode()


def statement(name: str = WHEEL, sha256: str = SHA256, **changed: Any) -> dict[str, Any]:
    said = {
        "_type": STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": sha256}}],
        "predicateType": "https://docs.pypi.example/attestations/publish/v1",
        "predicate": None,
    }
    return {**said, **changed}


def attestation(said: object = None, **changed: Any) -> dict[str, Any]:
    whole = {
        "version": 1,
        "verification_material": {
            "certificate": encoded(b"a certificate"),
            "transparency_entries": [{"logIndex": "1", "inclusionPromise": {"never": "seen"}}],
        },
        "envelope": {"statement": encoded(statement() if said is None else said), "signature": encoded(b"signed")},
    }
    return {**whole, **changed}


def provenance(*attestations: object, filename: str = WHEEL) -> bytes:
    return provenance_of(json.dumps(attestations).encode(), filename=filename, sha256=SHA256, publisher=PUBLISHER)


def refusal(*attestations: object, filename: str = WHEEL) -> str:
    with pytest.raises(AttestationsRefused) as raised:
        provenance(*attestations, filename=filename)
    assert raised.value.filename == filename
    assert str(raised.value).isprintable()
    return raised.value.reason


def test_attestations_become_one_bundle_of_their_publisher() -> None:
    first, second = attestation(), attestation(statement(predicateType="https://slsa.example/provenance/v1"))
    assert json.loads(provenance(first, second)) == {
        "version": 1,
        "attestation_bundles": [{"publisher": PUBLISHER, "attestations": [first, second]}],
    }


def test_an_attestation_is_kept_byte_for_byte() -> None:
    text = json.dumps(attestation(never_seen=2**70), indent=2)
    kept = provenance_of(f" [{text}]\n".encode(), filename=WHEEL, sha256=SHA256, publisher=PUBLISHER)
    assert text.encode() in kept


@pytest.mark.parametrize("name", ["my_package-1.0-py3-none-any.whl", "My.Package-1.0.0-py3-none-any.whl"])
def test_the_name_of_a_wheel_is_compared_as_it_is_read(name: str) -> None:
    assert provenance(attestation(statement(name)))


def test_the_name_of_an_sdist_is_compared_as_it_is_read() -> None:
    assert provenance(attestation(statement("My-Package-1.0.tar.gz")), filename=SDIST)
    assert "is about" in refusal(attestation(statement(SDIST_ZIP)), filename=SDIST)
    assert "is about" in refusal(attestation(statement(WHEEL)), filename=SDIST)


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (attestation(statement("other-1.0-py3-none-any.whl")), "is about 'other-1.0-py3-none-any.whl'"),
        (attestation(statement("my_package-1.1-py3-none-any.whl")), "is about"),
        (attestation(statement("my_package-1.0-py2-none-any.whl")), "is about"),
        (attestation(statement("my_package-1.0-1-py3-none-any.whl")), "is about"),
        (attestation(statement("../my_package.whl\u202e")), "is about"),
        (attestation(statement(sha256="b" * 64)), "another SHA-256"),
        (attestation(statement(sha256="A" * 64)), "another SHA-256"),
        (attestation(statement(subject=[{"name": WHEEL, "digest": {"md5": "a"}}])), "another SHA-256"),
        (attestation(statement(subject=[])), "is about 0 files"),
        (attestation(statement(subject=statement()["subject"] * 2)), "is about 2 files"),
        (attestation(statement(subject={"name": WHEEL})), "no statement in it"),
        (
            attestation(statement(_type="https://in-toto.io/Statement/v0.1")),
            "is not an https://in-toto.io/Statement/v1",
        ),
        (attestation([]), "no statement in it"),
        (attestation(b"\xff"), "no statement in it"),
        (attestation(version=2), "not of the shape of PEP 740"),
        (attestation(version="1"), "not of the shape of PEP 740"),
        (attestation(envelope={}), "not of the shape of PEP 740"),
        (attestation(envelope={"statement": "%", "signature": encoded(b"x")}), "a statement that is not in base64"),
        (attestation(envelope={"statement": "é", "signature": encoded(b"x")}), "a statement that is not in base64"),
        (attestation(envelope={"statement": encoded(statement()), "signature": ""}), "a signature that is not"),
        (attestation(verification_material={}), "not of the shape of PEP 740"),
        (
            attestation(verification_material={"certificate": "no base64", "transparency_entries": [{}]}),
            "a certificate that is not in base64",
        ),
        (
            attestation(verification_material={"certificate": encoded(b"x"), "transparency_entries": []}),
            "no transparency entries",
        ),
        (
            attestation(verification_material={"certificate": encoded(b"x"), "transparency_entries": ["x"]}),
            "not of the shape of PEP 740",
        ),
        ({}, "not of the shape of PEP 740"),
        (None, "not of the shape of PEP 740"),
        ("text", "not of the shape of PEP 740"),
    ],
)
def test_an_attestation_that_is_none_or_about_something_else_is_refused(one: object, reason: str) -> None:
    assert reason in refusal(one)
    assert reason in refusal(attestation(), one)


def test_attestations_are_as_many_as_may_be_and_not_one_more() -> None:
    assert provenance(*[attestation()] * MAX_ATTESTATIONS)
    assert "more than 16" in refusal(*[attestation()] * (MAX_ATTESTATIONS + 1))
    assert refusal() == "there are none"


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"null", b"[", b"[1,]", b"\xff", b"[" * 100_000, b'"text"', b"[" + b"1" * 9]
)
def test_what_is_no_json_array_is_refused(data: bytes) -> None:
    with pytest.raises(AttestationsRefused, match="not a JSON array"):
        provenance_of(data, filename=WHEEL, sha256=SHA256, publisher=PUBLISHER)


DEEP = st.recursive(
    st.one_of(st.none(), st.integers(), st.text()), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(st.one_of(st.binary(), DEEP.map(lambda value: json.dumps([value]).encode())), DEEP)
def test_nothing_raises_anything_but_a_refusal(data: bytes, said: object) -> None:
    with pytest.raises(AttestationsRefused):
        provenance_of(data, filename=WHEEL, sha256=SHA256, publisher=PUBLISHER)
    with suppress(AttestationsRefused):
        provenance(attestation(said if said is not None else []))
        raise AssertionError("no such statement is about the file")
