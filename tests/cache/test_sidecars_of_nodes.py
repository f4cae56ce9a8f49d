"""Sidecars where the tier is a node: they come along with pages; the node nearest to the origin makes them, once."""

from __future__ import annotations

import pytest
from attrs import evolve
from msgspec.structs import replace

from tests.cache.given import FILENAME, LARGE_WHEEL, METADATA, WHEEL, advertised, asked, sidecar
from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, NO_CACHE, SmallNode, listed, scripted, sha256, wheel
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.arrived_sidecars import MOST_KEPT_BYTES, MOST_READ_BYTES
from tiercache.errors import LoopFound, NoTierAnswered, SidecarUnavailable, TierUnreachable
from tiercache.interfaces import METADATA as SIDECAR
from tiercache.interfaces import Attachment, Tier
from tiercache.simple.model import File, Page
from tiercache.simple.names import identity_of, normalise
from tiercache.storage.memory import MemoryCatalogue

SDIST = "pkg-1.0.tar.gz"
DIGEST = sha256(METADATA)


def office() -> ScriptedUpstream:
    """A tier that is a node."""
    tier = scripted("office")
    tier.tier = Tier(name="office", kind="parent")
    return tier


# -- along with a page --------------------------------------------------------------------------------------------


def test_sidecars_that_come_along_are_kept_and_never_asked_for() -> None:
    tier = office()
    files = listed(tier, "pkg", (FILENAME, WHEEL), (SDIST, b"sdist"), core_metadata={"sha256": DIGEST})
    tier.along["pkg"] = {DIGEST: METADATA}
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    for again in (node, SmallNode(upstreams=[tier], catalogue=node.catalogue)):
        for file in files:  # one text, two files
            assert sidecar(again, file).data == METADATA
    assert asked(tier, "sidecar", "range", "file") == []


@pytest.mark.parametrize("told", [True, None, {"sha256": "0" * 64}, {"md5": DIGEST}])
def test_a_sidecar_that_the_page_does_not_give_to_any_file_is_not_kept(told: object) -> None:
    tier = office()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=told)
    tier.along["pkg"] = {DIGEST: b"Name: evil\n"}
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    assert node.catalogue.attachment(identity_of(file), SIDECAR) is None


def test_what_the_wheel_itself_says_is_not_replaced_by_what_comes_along() -> None:
    tier = office()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("pkg"))
    result_of(node.content(file))
    other = b"Name: other\n"
    tier.pages[normalise("pkg")] = evolve(
        tier.pages["pkg"], files=(replace(file, core_metadata={"sha256": sha256(other)}),)
    )
    tier.along["pkg"] = {sha256(other): other}
    result_of(node.page("pkg", NO_CACHE))
    assert sidecar(node, file).data == METADATA
    assert advertised(node) == {"sha256": DIGEST}


def test_of_the_sidecars_that_come_along_with_a_page_so_much_is_read_and_kept_and_no_more() -> None:
    tier = office()
    long = b"Name: pkg\n\n".ljust(MOST_READ_BYTES, b"x")
    contents = [(f"pkg-{number}-py3-none-any.whl", b"%d" % number) for number in range(40)]
    many = listed(tier, "pkg", *contents, core_metadata={"sha256": sha256(long)})
    small = listed(tier, "pkg", (SDIST, b"sdist"), core_metadata={"sha256": DIGEST})
    tier.along["pkg"] = {sha256(long): long, DIGEST: METADATA}

    def kept(*files: File) -> int:
        tier.pages[normalise("pkg")] = Page(project=normalise("pkg"), files=files)
        node = SmallNode(upstreams=[tier])
        result_of(node.page("pkg"))
        return sum(node.catalogue.attachment(identity_of(file), SIDECAR) is not None for file in files)

    assert kept(*many) == MOST_KEPT_BYTES // MOST_READ_BYTES
    assert kept(*small, many[0]) == 1
    assert kept(many[0], *small) == 1
    assert kept(many[0]) == 1


def test_a_store_without_room_costs_the_sidecars_and_not_the_page() -> None:
    tier = office()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata={"sha256": DIGEST})
    tier.along["pkg"] = {DIGEST: METADATA}
    tier.sidecars[file.url] = METADATA
    node = SmallNode(upstreams=[tier], catalogue=MemoryCatalogue(room_bytes=10))
    assert len(result_of(node.page("pkg")).files) == 1
    assert sidecar(node, file).data == METADATA


# -- made nearest to the origin -----------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [True, None])
def test_a_node_above_is_asked_for_the_sidecar_whatever_its_page_says(told: bool | None) -> None:
    tier = office()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=told)
    tier.sidecars[file.url] = METADATA
    node = SmallNode(upstreams=[tier])
    for _ in range(2):
        assert sidecar(node, file).data == METADATA
    assert len(asked(tier, "sidecar")) == 1
    assert asked(tier, "range", "file") == []
    index = scripted()
    (plain,) = listed(index, "pkg", (FILENAME, WHEEL), core_metadata=told)
    assert sidecar(SmallNode(upstreams=[index]), plain).data == METADATA
    assert len(asked(index, "sidecar")) == (1 if told else 0)
    assert len(asked(index, "range")) == 1


@pytest.mark.parametrize("told", [True, None, False])
def test_where_the_node_above_could_make_none_nobody_below_tries_again(told: bool | None) -> None:
    """A wheel without METADATA is read by one node, not by each tier in turn."""
    tier = office()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata=told)
    node = SmallNode(upstreams=[tier])
    for _ in range(2):
        with pytest.raises(SidecarUnavailable):
            sidecar(node, file)
    assert len(asked(tier, "sidecar")) == (0 if told is False else 1)
    assert asked(tier, "range", "file") == []
    assert advertised(node) is False


def test_a_sidecar_that_a_node_advertises_by_its_digest_and_has_lost_is_made_here() -> None:
    tier = office()
    (file,) = listed(tier, "pkg", (FILENAME, WHEEL), core_metadata={"sha256": DIGEST})
    node = SmallNode(upstreams=[tier])
    assert sidecar(node, file).data == METADATA
    assert len(asked(tier, "range")) == 1


def test_nodes_are_not_asked_for_what_is_beside_no_wheel() -> None:
    tier = office()
    (file,) = listed(tier, "pkg", (SDIST, b"sdist"))
    with pytest.raises(SidecarUnavailable):
        sidecar(SmallNode(upstreams=[tier]), file)
    assert asked(tier, "sidecar", "range", "file") == []


# -- a tier that fails at the sidecar alone -----------------------------------------------------------------------


def failing(error: TierUnreachable, *, content: bytes = WHEEL) -> tuple[ScriptedUpstream, SmallNode]:
    tier = scripted()
    (file,) = listed(tier, "pkg", (FILENAME, content), core_metadata=True)
    tier.sidecars[file.url] = error
    return tier, SmallNode(upstreams=[tier])


SERVER_ERROR = TierUnreachable(tier="public", reason="it answered 500", has_answered=True)


@pytest.mark.parametrize("content", [WHEEL, LARGE_WHEEL])
@pytest.mark.parametrize("gives_ranges", [True, False])
def test_a_sidecar_that_a_tier_answers_with_an_error_is_made_from_the_wheel(content: bytes, gives_ranges: bool) -> None:
    tier, node = failing(SERVER_ERROR, content=content)
    tier.gives_ranges = gives_ranges
    (file,) = tier.pages["pkg"].files
    assert sidecar(node, file).data == METADATA
    assert sidecar(node, file).data == METADATA
    assert len(asked(tier, "sidecar")) == 1


def test_where_the_wheel_is_not_to_be_had_either_the_error_of_the_sidecar_is_told() -> None:
    tier, node = failing(SERVER_ERROR)
    (file,) = tier.pages["pkg"].files
    tier.contents.clear()
    with pytest.raises(NoTierAnswered, match="answered 500"):
        sidecar(node, file)
    tier.contents[file.url] = WHEEL
    assert sidecar(node, file).data == METADATA


@pytest.mark.parametrize(
    "error",
    [
        TierUnreachable(tier="public", reason="no connection"),
        LoopFound(tier="public", reason="loop", has_answered=True),
    ],
)
def test_a_tier_that_does_not_answer_at_all_is_not_asked_for_the_wheel_too(error: TierUnreachable) -> None:
    tier, node = failing(error)
    (file,) = tier.pages["pkg"].files
    with pytest.raises(NoTierAnswered):
        sidecar(node, file)
    assert asked(tier, "range", "file") == []


def test_an_error_for_the_sidecar_of_an_sdist_stays_one() -> None:
    tier = scripted()
    (file,) = listed(tier, "pkg", (SDIST, b"sdist"), core_metadata=True)
    tier.sidecars[file.url] = SERVER_ERROR
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NoTierAnswered):
        sidecar(node, file)
    assert asked(tier, "range", "file") == []


def test_a_page_of_many_releases_brings_them_all_in_one_go() -> None:
    tier = office()
    texts = {f"pkg-{number}.0-py3-none-any.whl": METADATA + b"%d" % number for number in range(50)}
    listed(tier, "pkg", *((name, wheel("pkg", "1.0", text)) for name, text in texts.items()))
    page = tier.pages["pkg"]
    tier.pages[normalise("pkg")] = evolve(
        page,
        files=tuple(replace(file, core_metadata={"sha256": sha256(texts[file.filename])}) for file in page.files),
    )
    tier.along["pkg"] = {sha256(text): text for text in texts.values()}
    node = SmallNode(upstreams=[tier])
    for file in result_of(node.page("pkg", ANY)).files:
        assert sidecar(node, file).data == texts[file.filename]
        assert isinstance(node.catalogue.attachment(identity_of(file), SIDECAR), Attachment)
    assert asked(tier, "sidecar", "range", "file") == []
