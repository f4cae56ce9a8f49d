"""Public files that need others by direct URLs: hidden, refused by every way to them, or shown with a mark."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from msgspec.structs import replace
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.cache.given import FILENAME, METADATA, WHEEL, asked, sidecar
from tests.doubles.hosting import publish
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import (
    ANY,
    CONFIG,
    LOCAL,
    SmallNode,
    everything,
    in_pieces,
    listed,
    scripted,
    sdist,
    sha256,
    wheel,
)
from tests.doubles.upstream import ScriptedUpstream
from tiercache.config import AdmissionConfig, Config, TierConfig
from tiercache.errors import FileRefused, NotStored
from tiercache.interfaces import DIRECT_URLS
from tiercache.policy.direct_urls import DIRECT_URLS as MARK
from tiercache.policy.direct_urls import PRIVATE
from tiercache.policy.entry import Ask
from tiercache.simple.model import File, FileIdentity, Page
from tiercache.simple.names import identity_of, normalise

PKG = normalise("pkg")
NEEDED = "evil @ https://files.example/evil-1.0-py3-none-any.whl"
EVIL = METADATA.replace(b"1.0", b"2.0") + f'Requires-Dist: numpy\nRequires-Dist: {NEEDED} ; extra == "all"\n'.encode()
EVIL_NAME = "pkg-2.0-py3-none-any.whl"
EVIL_WHEEL = wheel("pkg", "2.0", EVIL)
LARGE_EVIL_WHEEL = wheel("pkg", "2.0", EVIL, filler=300_000)
SDIST_NAME = "pkg-2.0.tar.gz"


def ruled(rule: str, **stated: bool | None) -> Config:
    """A configuration with this rule; `stated`: which tiers are public."""
    tiers = tuple(TierConfig(name=name, url="http://x.example/", public=public) for name, public in stated.items())
    return evolve(CONFIG, admission=AdmissionConfig(direct_urls=rule), tiers=tiers)  # type: ignore[arg-type]  # a word


def two(content: bytes = EVIL_WHEEL, name: str = EVIL_NAME, **what: Any) -> tuple[ScriptedUpstream, File, File]:
    """A tier with a good release, and a newer one that needs a direct URL."""
    tier = scripted()
    good, evil = listed(tier, "pkg", (FILENAME, WHEEL), (name, content), **what)
    tier.pages["pkg"] = evolve(tier.pages["pkg"], versions=("1.0", "2.0"))
    return tier, good, evil


def shown(node: SmallNode, ask: Ask = ANY) -> list[str]:
    return [file.filename for file in result_of(node.page("pkg", ask)).files]


def refused(node: SmallNode, file: File, ask: Ask = ANY) -> str:
    """By every way to the file and to its sidecar; what is said of it."""
    identity = identity_of(file)
    ways = (
        lambda: node.parts.files.open(identity, file.filename, ask),
        lambda: node.parts.files.open(None, file.filename, ask),
        lambda: node.parts.files.head(identity, file.filename, ask),
        lambda: node.parts.files.head(None, file.filename, ask),
        lambda: node.parts.sidecars.sidecar(identity, file.filename, ask),
    )
    said = set()
    for way in ways:
        with pytest.raises(FileRefused) as told:
            result_of(way())
        said.add(str(told.value))
    assert result_of(node.parts.files.open_stored(sha256(EVIL_WHEEL))) is None
    (text,) = said
    return text


def test_the_sidecar_that_says_it_is_refused_and_the_file_is_hidden_from_then_on_and_refused_too() -> None:
    tier, good, evil = two(core_metadata=True)
    tier.sidecars[evil.url] = EVIL
    node = SmallNode(upstreams=[tier])
    assert shown(node) == [FILENAME, EVIL_NAME]
    with pytest.raises(FileRefused):
        sidecar(node, evil)
    assert shown(node) == [FILENAME]
    text = refused(node, evil)
    assert NEEDED in text
    assert "admission: {direct-urls: allow}" in text
    assert asked(tier, "file", "size") == []
    assert result_of(node.content(good)) == WHEEL


def test_so_is_one_that_is_made_from_the_wheel() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        sidecar(node, evil)
    assert len(asked(tier, "range")) == 1
    assert shown(node) == [FILENAME]
    refused(node, evil)


def test_one_that_comes_along_with_the_page_hides_its_file_on_that_very_page() -> None:
    tier = scripted()
    listed(tier, "pkg", (FILENAME, WHEEL))
    good = tier.pages["pkg"].files
    (evil,) = listed(tier, "pkg", (EVIL_NAME, EVIL_WHEEL), core_metadata={"sha256": sha256(EVIL)})
    tier.pages["pkg"] = Page(project=PKG, files=(*good, evil), versions=("1.0", "2.0"))
    tier.along["pkg"] = {sha256(EVIL): EVIL}
    node = SmallNode(upstreams=[tier])
    page = result_of(node.page("pkg"))
    assert [file.filename for file in page.files] == [FILENAME]
    assert page.versions == ("1.0",)
    refused(node, evil)
    assert asked(tier, "sidecar", "range", "file") == []


def test_a_version_that_has_another_file_left_stays_on_the_list_of_versions() -> None:
    tier, _, evil = two()
    (other,) = listed(scripted(), "pkg", ("pkg-2.0.zip", b"sdist"))
    tier.pages["pkg"] = evolve(tier.pages["pkg"], files=(*tier.pages["pkg"].files, other))
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        sidecar(node, evil)
    assert result_of(node.page("pkg")).versions == ("1.0", "2.0")


@pytest.mark.parametrize("content", [EVIL_WHEEL, LARGE_EVIL_WHEEL])
def test_a_cold_wheel_is_judged_by_itself_before_its_last_byte_leaves(content: bytes) -> None:
    """Even if its sidecar lies, and nobody has asked for that; no other request is made than for the file."""
    tier, _, evil = two(content, core_metadata=True)
    tier.sidecars[evil.url] = METADATA
    node = SmallNode(upstreams=[tier])
    given: list[bytes] = []

    async def read() -> None:
        body = (await node.parts.files.open(identity_of(evil), EVIL_NAME, ANY)).body(0, None)
        while data := await body.read():
            given.append(data)

    with pytest.raises(FileRefused):
        result_of(read())
    assert b"".join(given) == (content[:-1] if content == LARGE_EVIL_WHEEL else b"")
    assert asked(tier, "sidecar", "range", "size") == []
    assert len(asked(tier, "file")) == 1
    assert shown(node) == [FILENAME]
    refused(node, evil)
    assert len(asked(tier, "file")) == 1


def test_every_client_that_shares_the_fill_is_cut_off() -> None:
    tier, _, evil = two(LARGE_EVIL_WHEEL)
    end: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:-1], end, content[-1:], size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    bodies = [result_of(node.parts.files.open(identity_of(evil), EVIL_NAME, ANY)).body(0, None) for _ in range(3)]
    waiting = [begun(everything(body)) for body in bodies]
    end.callback(None)
    for one in waiting:
        with pytest.raises(FileRefused):
            result_of(one)


def test_a_part_of_a_cold_wheel_is_not_given_before_it_is_known_what_the_wheel_requires() -> None:
    tier, _, evil = two(LARGE_EVIL_WHEEL)
    node = SmallNode(upstreams=[tier])
    for identity in (identity_of(evil), None):
        with pytest.raises(FileRefused):
            result_of(node.parts.sidecars.judged(identity, EVIL_NAME, ANY))
    assert asked(tier, "file") == []
    assert len(asked(tier, "range")) == 2  # its end, and its METADATA, which is far from there


def test_nothing_is_asked_about_a_part_of_a_file_that_cannot_be_refused() -> None:
    tier, good, _ = two()
    private = SmallNode(upstreams=[tier], config=ruled("refuse", public=False))
    result_of(private.parts.sidecars.judged(identity_of(good), FILENAME, ANY))
    plain = SmallNode(upstreams=[tier])
    result_of(plain.content(good))
    before = len(asked(tier, "range", "sidecar"))
    result_of(plain.parts.sidecars.judged(identity_of(good), FILENAME, ANY))
    result_of(plain.parts.sidecars.judged(identity_of(good), FILENAME, LOCAL))
    assert len(asked(tier, "range", "sidecar")) == before == 0


def test_local_hides_and_refuses_it_too() -> None:
    tier, good, evil = two()
    allowing = SmallNode(upstreams=[tier], config=ruled("allow"))
    for file in (good, evil):
        result_of(allowing.content(file))
    assert shown(allowing, LOCAL) == [FILENAME, EVIL_NAME]
    node = SmallNode(upstreams=[tier], files=allowing.files, catalogue=allowing.catalogue)
    assert shown(node, LOCAL) == [FILENAME]
    refused(node, evil, LOCAL)
    tier.pages.clear()  # gone above: what is stored is all that is known of it
    lonely = SmallNode(upstreams=[], files=allowing.files, catalogue=allowing.catalogue)
    assert shown(lonely, LOCAL) == [FILENAME]
    refused(lonely, evil, LOCAL)


def test_the_verdict_is_kept_through_a_restart_and_nothing_is_read_again() -> None:
    tier, _, evil = two()
    first = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        sidecar(first, evil)
    tier.asked.clear()
    again = SmallNode(upstreams=[tier], files=first.files, catalogue=first.catalogue)
    assert shown(again) == [FILENAME]
    refused(again, evil)
    assert asked(tier, "sidecar", "range", "file") == []


def test_a_verdict_whose_text_the_store_has_lost_is_one_still() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        sidecar(node, evil)
    kept = node.catalogue.attachment(identity_of(evil), DIRECT_URLS)
    assert kept is not None
    result_of(node.catalogue.store_attachment(evolve(kept, data=b"\xff")))
    with pytest.raises(FileRefused):
        result_of(node.parts.files.open(identity_of(evil), EVIL_NAME, ANY))


def test_a_verdict_that_the_store_has_lost_is_found_again_when_the_sidecar_is_asked_for() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        sidecar(node, evil)
    result_of(node.catalogue.forget_attachment(identity_of(evil), DIRECT_URLS))
    again = SmallNode(upstreams=[tier], files=node.files, catalogue=node.catalogue)
    assert shown(again) == [FILENAME, EVIL_NAME]
    with pytest.raises(FileRefused):
        sidecar(again, evil)
    assert shown(again) == [FILENAME]


def test_what_the_wheel_says_takes_back_what_a_sidecar_said_of_it() -> None:
    tier, _, _ = two(WHEEL, "pkg-1.0-1-py3-none-any.whl", core_metadata=True)
    (_, file) = tier.pages["pkg"].files
    tier.sidecars[file.url] = EVIL
    node = SmallNode(upstreams=[tier], config=ruled("warn"))
    assert sidecar(node, file).data == EVIL
    result_of(node.content(file))
    strict = SmallNode(upstreams=[tier], files=node.files, catalogue=node.catalogue)
    assert shown(strict) == [FILENAME, file.filename]
    assert result_of(strict.content(file)) == WHEEL
    assert sidecar(strict, file).data == METADATA


def test_a_file_that_its_page_names_by_another_digest_is_hidden_and_refused_once_it_is_stored() -> None:
    tier = scripted()
    (evil,) = listed(tier, "pkg", (EVIL_NAME, EVIL_WHEEL), hashes={})
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        result_of(node.content(evil))
    assert shown(node) == []
    refused(node, evil)
    with pytest.raises(FileRefused):
        result_of(node.parts.files.open(FileIdentity("sha256", sha256(EVIL_WHEEL)), EVIL_NAME, ANY))


# -- the rule -----------------------------------------------------------------------------------------------------


def test_with_warn_it_is_shown_with_a_mark_given_out_and_told_of_once() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier], config=ruled("warn"))
    with capturedLogs() as events:
        for _ in range(3):
            assert sidecar(node, evil).data == EVIL
            assert result_of(node.content(evil)) == EVIL_WHEEL
            assert [file.extra for file in result_of(node.page("pkg")).files] == [
                {},
                {MARK: [f'{NEEDED} ; extra == "all"']},
            ]
    told = [event for event in events if event.get("requirements")]
    assert len(told) == 1
    assert NEEDED in told[0]["requirements"]
    assert (node.parts.stats.direct_urls_warned, node.parts.stats.direct_urls_refused) == (1, 0)


def test_with_allow_nothing_is_said() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier], config=ruled("allow"))
    with capturedLogs() as events:
        assert sidecar(node, evil).data == EVIL
        assert result_of(node.content(evil)) == EVIL_WHEEL
        assert [file.extra for file in result_of(node.page("pkg")).files] == [{}, {}]
    assert [event for event in events if event.get("requirements")] == []
    assert (node.parts.stats.direct_urls_warned, node.parts.stats.direct_urls_refused) == (0, 0)


def test_each_refusal_is_counted_and_the_log_has_one_line() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier])
    with capturedLogs() as events:
        for _ in range(3):
            with pytest.raises(FileRefused):
                sidecar(node, evil)
            shown(node)
    assert len([event for event in events if event.get("requirements")]) == 1
    assert node.parts.stats.direct_urls_refused == 3


# -- whose files --------------------------------------------------------------------------------------------------


def test_the_files_of_a_tier_that_is_stated_not_to_be_public_pass_and_are_called_private() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier], config=ruled("refuse", public=False))
    assert sidecar(node, evil).data == EVIL
    assert result_of(node.content(evil)) == EVIL_WHEEL
    for ask in (ANY, LOCAL):
        page = result_of(node.page("pkg", ask))
        assert [(file.filename, file.extra) for file in page.files][-1] == (EVIL_NAME, {PRIVATE: True})


def test_a_node_is_believed_that_calls_a_file_private_unless_its_tier_is_stated_to_be_public() -> None:
    tier, _, _ = two()
    marked = tuple(replace(file, extra={PRIVATE: True}) for file in tier.pages["pkg"].files)
    tier.pages["pkg"] = evolve(tier.pages["pkg"], files=marked)
    believing = SmallNode(upstreams=[tier])
    assert result_of(believing.content(marked[1])) == EVIL_WHEEL
    assert shown(believing) == [FILENAME, EVIL_NAME]
    assert shown(believing, LOCAL) == [EVIL_NAME]
    other = SmallNode(upstreams=[tier], config=ruled("refuse", public=True))
    with pytest.raises(FileRefused):
        sidecar(other, marked[1])
    assert [(file.filename, file.extra) for file in result_of(other.page("pkg")).files] == [(FILENAME, {})]


def test_what_is_hosted_here_is_never_refused() -> None:
    node = SmallNode(upstreams=[scripted()], node_id="node")
    publish(node.parts.hosted, node.files, "pkg", EVIL_NAME, EVIL_WHEEL)
    for ask in (ANY, LOCAL):
        (file,) = result_of(node.page("pkg", ask)).files
        assert (file.filename, file.extra) == (EVIL_NAME, {PRIVATE: True})
        assert sidecar(node, file, ask).data == EVIL
        assert result_of(node.content(file, ask)) == EVIL_WHEEL
    assert result_of(node.parts.files.open_stored(sha256(EVIL_WHEEL))) is not None


# -- sdists -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("version", "is_refused"), [(b"2.1", False), (b"2.2", True), (b"2.2\nDynamic: Requires-Dist", False)]
)
def test_an_sdist_is_judged_by_its_pkg_info_where_that_may_be_relied_on(version: bytes, is_refused: bool) -> None:
    content = sdist("pkg", "2.0", EVIL.replace(b"2.1", version, 1), before=[("src/big.bin", bytes(300_000))])
    tier, _, evil = two(content, SDIST_NAME)
    node = SmallNode(upstreams=[tier])
    if is_refused:
        with pytest.raises(FileRefused):
            result_of(node.content(evil))
        assert shown(node) == [FILENAME]
        with pytest.raises(FileRefused):
            result_of(node.parts.files.open(identity_of(evil), SDIST_NAME, ANY))
    else:
        assert result_of(node.content(evil)) == content
        assert shown(node) == [FILENAME, SDIST_NAME]


def test_a_sidecar_of_an_sdist_counts_as_it_stands() -> None:
    content = sdist("pkg", "2.0", METADATA)
    tier, _, evil = two(content, SDIST_NAME, core_metadata=True)
    tier.sidecars[evil.url] = EVIL
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        sidecar(node, evil)
    assert shown(node) == [FILENAME]


@pytest.mark.parametrize("content", [b"no archive", b"\x1f\x8b\x08\x00broken", WHEEL])
def test_an_sdist_that_cannot_be_read_passes(content: bytes) -> None:
    tier, _, evil = two(content, SDIST_NAME)
    assert result_of(SmallNode(upstreams=[tier]).content(evil)) == content


def test_what_is_not_stored_is_not_offered_locally_for_being_judged() -> None:
    tier, _, evil = two()
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileRefused):
        sidecar(node, evil)
    with pytest.raises(NotStored):
        result_of(node.page("pkg", LOCAL))
