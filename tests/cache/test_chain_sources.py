"""Where files come from: the home, the same bytes elsewhere, siblings; and what is said when none of them has it."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.neighbour import ScriptedNeighbour, sibling
from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, CONFIG, SmallNode, file_requests, in_pieces, listed, scripted, sha256
from tests.doubles.upstream import ScriptedUpstream
from tiercache.errors import DigestMismatch, FileAbsent, LoopFound, NoTierAnswered, TierUnreachable
from tiercache.policy.hops import LOOP, NONE_YET
from tiercache.policy.selection import ProjectRule
from tiercache.simple.model import File
from tiercache.simple.names import identity_of, normalise

NUMPY = normalise("numpy")
CONTENT = b"an archive" * 10_000
DOWN = TierUnreachable(tier="first", reason="down")


def fetched(node: SmallNode, file: File) -> bytes:
    return result_of(node.content(file))


def stored_asked(tier: ScriptedNeighbour) -> int:
    return sum(words[0] == "stored" for words in tier.asked)


# -- siblings ---------------------------------------------------------------------------------------------------


def test_a_sibling_that_stands_before_the_home_is_asked_before_it_and_one_behind_it_after_it() -> None:
    office = scripted("office")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    before, behind = sibling("before", CONTENT), sibling("behind", CONTENT)
    node = SmallNode(upstreams=[before, office, behind])
    assert fetched(node, file) == CONTENT
    assert file_requests(office) == []
    assert [stored_asked(one) for one in (before, behind)] == [1, 0]
    before.stored.clear()
    office.contents.clear()
    node = SmallNode(upstreams=[before, office, behind])
    assert fetched(node, file) == CONTENT
    assert len(file_requests(office)) == 1
    assert [stored_asked(one) for one in (before, behind)] == [2, 1]


def test_a_sibling_is_asked_for_nothing_but_files() -> None:
    near, office = sibling("near", CONTENT), scripted("office")
    listed(near, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[near, office])
    with pytest.raises(Exception, match="No project named numpy"):
        result_of(node.page("numpy"))
    (file,) = listed(office, "scipy", ("scipy-1.0-py3-none-any.whl", CONTENT))
    with pytest.raises(Exception, match="metadata"):
        result_of(node.parts.sidecars.sidecar(identity_of(file), file.filename, ANY))
    assert near.asked == []


def test_a_sibling_that_lies_about_a_digest_is_found_out_and_the_next_source_is_taken() -> None:
    liar, office = sibling("liar"), scripted("office")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    liar.stored[sha256(CONTENT)] = CONTENT[::-1]
    node = SmallNode(upstreams=[liar, office])
    assert fetched(node, file) == CONTENT
    assert node.parts.stats.digest_mismatches == 1
    assert node.catalogue.file(identity_of(file)) is not None


def test_a_liar_alone_gives_nothing_that_looks_complete() -> None:
    liar, office = sibling("liar"), scripted("office")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    liar.stored[sha256(CONTENT)] = CONTENT[::-1]
    node = SmallNode(upstreams=[liar, office])
    result_of(node.page("numpy"))
    office.silent = "down"
    with pytest.raises((DigestMismatch, TierUnreachable)):
        fetched(node, file)
    assert node.catalogue.file(identity_of(file)) is None


def test_a_sibling_that_has_only_wrong_bytes_again_and_again_is_no_reason_to_ask_nobody_else() -> None:
    liar, office = sibling("liar"), scripted("office")
    node = SmallNode(upstreams=[liar, office])
    for number in range(5):
        content = CONTENT + bytes([number])
        (file,) = listed(office, "numpy", (f"numpy-{number}.tar.gz", content))
        liar.stored[sha256(content)] = content[:-1]
        assert fetched(node, file) == content
        node.clock.advance(601)


@pytest.mark.parametrize("what", [{"silent": "down"}, {"is_node": False}, {"loops": True}, {"cannot_say": True}])
def test_a_sibling_that_gives_nothing_is_passed_over(what: dict[str, object]) -> None:
    near, office = sibling("near", CONTENT, **what), scripted("office")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    assert fetched(SmallNode(upstreams=[near, office]), file) == CONTENT
    assert stored_asked(near) == 1


def test_a_sibling_that_is_down_is_not_asked_until_a_probe_finds_it_well() -> None:
    near, office = sibling("near", silent="down"), scripted("office")
    node = SmallNode(upstreams=[near, office])
    for number in range(5):
        (file,) = listed(office, f"project-{number}", (f"project_{number}-1.0.tar.gz", CONTENT + bytes([number])))
        near.stored[sha256(CONTENT + bytes([number]))] = CONTENT + bytes([number])
        fetched(node, file)
    assert stored_asked(near) == 3
    near.silent = None
    node.clock.advance(CONFIG.breaker.probe_every_s)
    assert near.asked[-1] == ("probe",)
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    near.stored[sha256(CONTENT)] = CONTENT
    assert fetched(node, file) == CONTENT
    assert stored_asked(near) == 4


def test_a_file_that_no_sha256_names_is_not_asked_of_siblings() -> None:
    near, office = sibling("near", CONTENT), scripted("office")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes={})
    assert fetched(SmallNode(upstreams=[near, office]), file) == CONTENT
    assert near.asked == []


def test_siblings_have_a_file_while_its_home_is_down() -> None:
    near, office = sibling("near", CONTENT), scripted("office")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[office, near])
    result_of(node.page("numpy"))
    office.silent = "down"
    assert fetched(node, file) == CONTENT


def test_nothing_is_asked_of_siblings_while_the_node_is_offline() -> None:
    near, office = sibling("near", CONTENT), scripted("office")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[near, office])
    result_of(node.parts.switch.set(True))

    async def everywhere() -> list[str]:
        found = node.parts.chain.fill_sources(NUMPY, file, "office", NONE_YET)
        return [source.tier async for source in found]

    assert result_of(everywhere()) == []
    assert near.asked == []


# -- what is said in the end ------------------------------------------------------------------------------------


def test_a_file_is_not_said_to_be_absent_while_a_tier_that_may_list_it_is_silent() -> None:
    first, second = scripted("first"), scripted("second", silent="down")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT), size=None)
    first.contents.clear()
    node = SmallNode(upstreams=[first, second])
    with pytest.raises(NoTierAnswered, match="down"):
        fetched(node, file)
    with pytest.raises(NoTierAnswered, match="down"):
        result_of(node.parts.files.head(identity_of(file), file.filename, ANY))
    second.silent = None
    with pytest.raises(FileAbsent):
        fetched(node, file)


@pytest.mark.parametrize("second", ["unreachable page", "unreachable file", "absent"])
def test_a_loop_at_the_first_source_does_not_hide_a_later_outage(second: str) -> None:
    first, other = scripted("first"), scripted("other")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    if second != "absent":
        listed(other, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[first, other])
    result_of(node.page("numpy"))
    first.loops = True
    if second == "unreachable page":
        other.silent = "down"
    elif second == "unreachable file":
        other.script = lambda content, start: in_pieces(TierUnreachable(tier="other", reason="down"), size_bytes=None)
    with pytest.raises(NoTierAnswered) as raised:
        fetched(node, file)
    assert raised.value.reason == (LOOP if second == "absent" else "down")


def test_wrong_bytes_count_for_more_than_a_tier_that_is_silent() -> None:
    first, second = scripted("first"), scripted("second", silent="down")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", b"small"))
    first.contents[file.url] = b"wrong"
    with pytest.raises(DigestMismatch):
        fetched(SmallNode(upstreams=[first, second]), file)


def test_a_reserved_names_files_come_from_who_reserved_it_and_no_other_tier() -> None:
    office, public = scripted("office"), scripted("public")
    (file,) = listed(office, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(public, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    rules = (ProjectRule(match=("numpy",), tiers=("office",)),)
    node = SmallNode(upstreams=[office, public], config=evolve(CONFIG, projects=rules))
    result_of(node.page("numpy"))
    office.silent = "down"
    with pytest.raises(NoTierAnswered):
        fetched(node, file)
    assert public.asked == []


# -- where files are, apart from the index ----------------------------------------------------------------------


def failing_files(tier: ScriptedUpstream) -> None:
    tier.script = lambda content, start: in_pieces(TierUnreachable(tier=tier.tier.name, reason="down"), size_bytes=None)


def test_a_file_host_that_fails_does_not_shut_out_the_pages() -> None:
    tier = scripted("first")
    node = SmallNode(upstreams=[tier])
    for number in range(5):
        (file,) = listed(tier, f"project-{number}", (f"project_{number}-1.0.tar.gz", CONTENT))
        failing_files(tier)
        with pytest.raises(NoTierAnswered):
            fetched(node, file)
    assert [link.state for link in node.parts.chain.links()] == ["up"]
    assert node.parts.stats.breakers_opened == 1  # that of the files


def test_sidecars_that_fail_do_not_shut_out_the_pages() -> None:
    tier = scripted("first")
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for _ in range(5):
        node.parts.chain.file_heard("first", file, DOWN)
    assert result_of(node.page("numpy")).files


def test_a_tier_whose_files_are_known_to_be_down_is_their_last_source_until_a_probe_finds_them() -> None:
    first, second = scripted("first"), scripted("second")
    (file,) = listed(first, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    listed(second, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[first, second])

    async def names() -> list[str]:
        return [upstream.tier.name async for upstream, _ in node.parts.chain.sources(NUMPY, file, "first", NONE_YET)]

    for _ in range(3):
        assert result_of(names()) == ["first", "second"]
        node.parts.chain.file_heard("first", file, DOWN)
    assert result_of(names()) == ["second", "first"]
    first.silent = "down"
    node.clock.advance(CONFIG.breaker.probe_every_s)
    assert first.asked[-1] == ("size", file.url)
    assert result_of(names()) == ["second", "first"]
    first.silent = None
    node.clock.advance(CONFIG.breaker.probe_every_s)
    assert result_of(names()) == ["first", "second"]


def test_a_file_that_is_not_there_is_an_answer_of_where_files_are() -> None:
    tier = scripted("first")
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for error in (DOWN, DOWN, FileAbsent(filename="x"), DOWN, DOWN, LoopFound(tier="first", reason=LOOP), DOWN, DOWN):
        node.parts.chain.file_heard("first", file, error)
    assert node.parts.stats.breakers_opened == 0
