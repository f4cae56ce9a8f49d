"""Files through a whole node in memory: filled once, streamed while they come, and never wrong."""

from __future__ import annotations

import pytest
from twisted.internet.defer import Deferred

from tests.cache.given import CONTENT
from tests.doubles.now import begun, result_of
from tests.doubles.small_node import (
    ANY,
    LOCAL,
    SmallNode,
    everything,
    file_requests,
    in_pieces,
    listed,
    scripted,
)
from tiercache.cache.listings import ASKED_AGAIN_AFTER_S
from tiercache.cache.signal import Signal
from tiercache.errors import (
    FileAbsent,
    NoTierAnswered,
    NotStored,
    TierUnreachable,
)
from tiercache.policy.entry import Ask
from tiercache.simple.model import FileIdentity
from tiercache.simple.names import identity_of


def test_a_file_is_fetched_once_and_then_served_from_the_store() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    assert result_of(node.content(file)) == CONTENT
    assert result_of(node.content(file)) == CONTENT
    assert len(file_requests(tier)) == 1
    assert node.parts.stats.fills_completed == 1


def test_a_range_of_a_stored_file_and_of_a_cold_one_is_right() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    assert result_of(node.content(file, start=1000, stop=2000)) == CONTENT[1000:2000]
    assert result_of(node.content(file, start=1000, stop=2000)) == CONTENT[1000:2000]
    assert result_of(node.content(file, start=len(CONTENT) - 1)) == CONTENT[-1:]
    assert len(file_requests(tier)) == 1


def test_thirty_clients_for_one_cold_file_share_one_fetch_and_the_first_that_hangs_up_takes_nobody_with_it() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100_000], go, content[100_000:], size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    opened = [result_of(node.parts.files.open(identity_of(file), file.filename, ANY)) for _ in range(30)]
    bodies = [one.body(0, None) for one in opened]
    assert result_of(bodies[0].read())
    bodies[0].close()
    waiting = [begun(everything(body)) for body in bodies[1:]]
    go.callback(None)
    assert all(result_of(one) == CONTENT for one in waiting)
    assert len(file_requests(tier)) == 1


def test_the_fill_goes_on_when_every_client_has_left() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100_000], go, content[100_000:], size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).close()
    go.callback(None)
    tier.silent = "down"
    assert result_of(node.content(file)) == CONTENT


def test_a_file_without_any_digest_goes_by_its_url_and_is_kept() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), hashes={}, size=None)
    node = SmallNode(upstreams=[tier])
    assert identity_of(file).algorithm == "url"
    assert result_of(node.content(file)) == CONTENT
    assert result_of(node.content(file)) == CONTENT
    assert len(file_requests(tier)) == 1


def test_a_tier_that_is_down_is_no_absent_file() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    tier.silent = "down"
    with pytest.raises(NoTierAnswered):
        result_of(node.content(file))
    tier.silent = None
    del tier.contents[file.url]
    with pytest.raises(FileAbsent):
        result_of(node.content(file))


def test_a_file_of_a_project_never_asked_for_is_found_by_its_name() -> None:
    tier = scripted()
    (file,) = listed(tier, "zope.interface", ("zope.interface-1.0.tar.gz", CONTENT))
    assert result_of(SmallNode(upstreams=[tier]).content(file)) == CONTENT


def test_a_file_whose_name_does_not_tell_its_project_is_found_once_its_page_was_seen() -> None:
    tier = scripted()
    (file,) = listed(tier, "odd-one", ("something_else-1.0.zip", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("odd-one"))
    assert result_of(node.content(file)) == CONTENT


def test_a_file_that_is_newer_than_the_stored_page_is_found_by_asking_again() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    (new,) = listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT[1:]))
    node.clock.advance(ASKED_AGAIN_AFTER_S)
    assert result_of(node.content(new)) == CONTENT[1:]


def test_a_digest_that_no_page_gives_this_name_is_absent_and_no_bytes_are_fetched() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    with pytest.raises(FileAbsent):
        result_of(node.parts.files.open(FileIdentity("sha256", "0" * 64), "numpy-1.0.tar.gz", ANY))
    assert file_requests(tier) == []


def test_local_asks_nobody_for_a_file() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    tier.asked.clear()
    for ask in (LOCAL, Ask(only_if_cached=True)):
        with pytest.raises(NotStored):
            result_of(node.content(file, ask))
        with pytest.raises(NotStored):
            result_of(node.parts.files.head(identity_of(file), file.filename, ask))
        with pytest.raises(NotStored):
            result_of(node.parts.files.open(None, file.filename, ask))
    assert tier.asked == []
    result_of(node.content(file))
    assert result_of(node.content(file, LOCAL)) == CONTENT


def test_head_of_a_cold_file_knows_its_length_and_fetches_nothing() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    head = result_of(node.parts.files.head(identity_of(file), file.filename, ANY))
    assert head.size_bytes == len(CONTENT)
    assert file_requests(tier) == []


def test_head_of_a_cold_file_without_a_listed_size_asks_the_tier_for_it() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), size=None)
    node = SmallNode(upstreams=[tier])
    head = result_of(node.parts.files.head(identity_of(file), file.filename, ANY))
    assert head.size_bytes == len(CONTENT)
    assert [words[0] for words in tier.asked] == ["page", "size"]


def test_head_of_a_cold_file_whose_length_nobody_tells_brings_it_in_to_count_its_bytes() -> None:
    tier = scripted(gives_sizes=False)
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), size=None)
    node = SmallNode(upstreams=[tier])
    head = result_of(node.parts.files.head(identity_of(file), file.filename, ANY))
    assert head.size_bytes == len(CONTENT)


def test_a_file_is_found_by_its_name_alone() -> None:
    tier = scripted()
    listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    for ask in (ANY, LOCAL):
        opened = result_of(node.parts.files.open(None, "numpy-1.0.tar.gz", ask))
        assert result_of(everything(opened.body(0, None))) == CONTENT


def test_a_stop_ends_a_fill_unfinished_and_its_clients_are_told() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    never: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100_000], never, size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    body = result_of(node.parts.files.open(identity_of(file), file.filename, ANY)).body(0, None)
    assert result_of(body.read())
    result_of(node.parts.files.stop())
    with pytest.raises(TierUnreachable):
        result_of(body.read())
    body.close()
    assert tier.streams[0].is_closed
    assert list(node.files.all()) == []


def test_a_listed_length_of_nothing_is_a_length() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", b""))
    node = SmallNode(upstreams=[tier])
    assert result_of(node.parts.files.head(identity_of(file), file.filename, ANY)).size_bytes == 0
    assert [words[0] for words in tier.asked] == ["page"]


def test_a_download_under_way_ends_though_the_node_goes_offline_and_no_new_one_begins() -> None:
    tier = scripted()
    first, second = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT), ("numpy-2.0.tar.gz", CONTENT[1:]))
    go: Deferred[None] = Deferred()
    tier.script = lambda content, start: in_pieces(content[:100_000], go, content[100_000:], size_bytes=len(content))
    node = SmallNode(upstreams=[tier])
    reading = begun(node.content(first))
    result_of(node.parts.switch.set(True))
    with pytest.raises(NotStored):
        result_of(node.content(second))
    go.callback(None)
    assert result_of(reading) == CONTENT
    assert len(file_requests(tier)) == 1


def test_a_file_that_was_being_looked_for_when_the_node_went_offline_is_not_fetched() -> None:
    tier = scripted(gate=Signal())
    (file,) = listed(tier, "numpy", ("numpy-1.0.tar.gz", CONTENT))
    node = SmallNode(upstreams=[tier])
    looking = begun(node.content(file))
    result_of(node.parts.switch.set(True))
    assert tier.gate is not None
    tier.gate.fire()
    with pytest.raises(NotStored):
        result_of(looking)
    assert file_requests(tier) == []
