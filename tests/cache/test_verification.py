"""No byte of a wrong file is ever the last: lengths and digests, whatever the index gives."""

from __future__ import annotations

import hashlib

import pytest
from twisted.internet.defer import Deferred

from tests.cache.given import CONTENT, SMALL
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import ANY, SmallNode, everything, file_requests, in_pieces, listed, scripted, sha256
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.fill import WITHHELD_BYTES
from tiercache.errors import (
    DigestMismatch,
    LengthMismatch,
    TiercacheError,
    TierUnreachable,
)
from tiercache.simple.model import File, FileIdentity
from tiercache.simple.names import identity_of


def wrong_bytes(tier: ScriptedUpstream, file: File) -> None:
    tier.contents[file.url] = bytes(reversed(tier.contents[file.url]))


@pytest.mark.parametrize("content", [SMALL, CONTENT])
def test_a_file_with_another_digest_is_never_given_whole_and_nothing_is_kept(content: bytes) -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
    wrong_bytes(tier, file)
    node = SmallNode(upstreams=[tier])
    given: list[bytes] = []

    async def download() -> None:
        body = (await node.parts.files.open(identity_of(file), file.filename, ANY)).body(0, None)
        while chunk := await body.read():
            given.append(chunk)

    with pytest.raises((DigestMismatch, TierUnreachable)):
        result_of(download())
    assert sum(map(len, given)) < len(content)
    assert list(node.files.all()) == []
    assert node.catalogue.file(identity_of(file)) is None


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "blake2b", "sha512", "sha384"])
@pytest.mark.parametrize("is_right", [True, False])
def test_whatever_digest_an_index_gives_is_verified(algorithm: str, is_right: bool) -> None:
    tier = scripted()
    digest = hashlib.new(algorithm, CONTENT, usedforsecurity=False).hexdigest()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes={algorithm: digest})
    node = SmallNode(upstreams=[tier])
    if is_right:
        assert result_of(node.content(file)) == CONTENT
        assert node.catalogue.file(FileIdentity("sha256", sha256(CONTENT))) is not None
        tier.silent = "down"
        assert result_of(node.content(file)) == CONTENT
    else:
        wrong_bytes(tier, file)
        with pytest.raises(TiercacheError):
            result_of(node.content(file))
        assert list(node.files.all()) == []


def test_every_digest_of_a_page_has_to_be_right_and_not_only_the_strongest() -> None:
    tier = scripted()
    hashes = {"sha256": sha256(CONTENT), "md5": "0" * 32}
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes=hashes)
    with pytest.raises(TiercacheError):
        result_of(SmallNode(upstreams=[tier]).content(file))


@pytest.mark.parametrize("change", [-1, 1])
def test_a_length_that_is_not_the_pages_is_refused_before_any_byte(change: int) -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), size=len(CONTENT) + change)
    with pytest.raises(LengthMismatch):
        result_of(SmallNode(upstreams=[tier]).content(file))


def test_a_body_longer_than_it_should_be_is_cut_off_at_once() -> None:
    tier = scripted(gives_sizes=False)
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), size=len(CONTENT))
    tier.contents[file.url] = CONTENT + b"!"
    with pytest.raises(TiercacheError):
        result_of(SmallNode(upstreams=[tier]).content(file))


@pytest.mark.parametrize(("size_bytes", "is_withheld"), [(WITHHELD_BYTES, True), (WITHHELD_BYTES + 1, False)])
def test_a_small_file_is_given_only_when_it_is_verified(size_bytes: int, is_withheld: bool) -> None:
    tier = scripted()
    content = CONTENT[:size_bytes]
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", content))
    end: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content, end, size_bytes=len(content))
    opening = begun(SmallNode(upstreams=[tier]).parts.files.open(identity_of(file), file.filename, ANY))
    assert opening.called is not is_withheld
    end.callback(None)
    assert result_of(everything(result_of(opening).body(0, None))) == content


def test_a_sha256_that_a_page_of_md5s_cannot_confirm_is_verified_against_the_bytes() -> None:
    tier = scripted()
    md5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes={"md5": md5})
    node = SmallNode(upstreams=[tier])
    right, wrong = FileIdentity("sha256", sha256(CONTENT)), FileIdentity("sha256", "0" * 64)
    with pytest.raises(TiercacheError):
        result_of(everything(result_of(node.parts.files.open(wrong, file.filename, ANY)).body(0, None)))
    opened = result_of(node.parts.files.open(right, file.filename, ANY))
    assert result_of(everything(opened.body(0, None))) == CONTENT


def test_an_empty_file_is_a_file() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", b""))
    node = SmallNode(upstreams=[tier])
    for _ in range(2):
        assert result_of(node.content(file)) == b""
    assert len(file_requests(tier)) == 1
