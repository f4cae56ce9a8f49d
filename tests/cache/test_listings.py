"""From a file's name to what lists it: stored pages first, few questions to the tiers, and none for nothing."""

from __future__ import annotations

import pytest
from attrs import evolve

from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, CONFIG, LOCAL, NO_CACHE, SmallNode, listed, scripted, sha256
from tests.doubles.upstream import ScriptedUpstream
from tiercache.cache.listings import ASKED_AGAIN_AFTER_S, listing_in
from tiercache.errors import FileAbsent, NoTierAnswered, NotStored, TiercacheError
from tiercache.policy.entry import Ask, Entry, Head
from tiercache.policy.freshness import FreshnessRules
from tiercache.simple.model import File, FileIdentity, Page
from tiercache.simple.names import MAX_CANDIDATES, identity_of, normalise

NUMPY = normalise("numpy")
CONTENT = b"an archive" * 10_000
FILENAME = "numpy-1.0.tar.gz"
URL = f"https://public.example/{FILENAME}"
HEAD = Head(tier="public", requested_at=0, received_at=0)
SHA, OTHER, MD5 = (FileIdentity(*name) for name in (("sha256", "a" * 64), ("sha256", "b" * 64), ("md5", "c" * 32)))
URL_NAME = identity_of(File(filename=FILENAME, url=URL))


@pytest.mark.parametrize(
    ("hashes", "identity", "expected"),
    [
        ({"sha256": SHA.value}, SHA, {"sha256": SHA.value}),
        ({"sha256": SHA.value}, None, {"sha256": SHA.value}),
        ({"sha256": SHA.value}, OTHER, None),
        ({"sha256": SHA.value, "md5": MD5.value}, MD5, {"sha256": SHA.value, "md5": MD5.value}),
        ({"md5": MD5.value}, SHA, {"md5": MD5.value, "sha256": SHA.value}),  # verified when the bytes come
        ({}, SHA, {"sha256": SHA.value}),
        ({}, None, {}),
        ({}, URL_NAME, {}),
        ({}, FileIdentity("url", "d" * 64), None),
    ],
)
def test_a_listing_is_of_the_asked_name_and_holds_every_digest_to_be_verified(
    hashes: dict[str, str], identity: FileIdentity | None, expected: dict[str, str] | None
) -> None:
    file = File(filename=FILENAME, url=URL, hashes=hashes)
    entry = Entry(project=NUMPY, head=HEAD, page=Page(project=NUMPY, files=(file,)))
    listing = listing_in(entry, identity, FILENAME)
    assert (None if listing is None else dict(listing.file.hashes)) == expected
    assert listing_in(entry, identity, "numpy-2.0.tar.gz") is None


def test_nothing_is_listed_by_an_absence_or_by_nothing() -> None:
    assert listing_in(None, SHA, FILENAME) is None
    assert listing_in(Entry(project=NUMPY, head=HEAD, page=None), SHA, FILENAME) is None


def opening(node: SmallNode, filename: str, ask: Ask = ANY, identity: FileIdentity | None = SHA) -> None:
    result_of(node.parts.files.open(identity, filename, ask)).close()


def test_a_stored_page_is_enough_however_old_it_is() -> None:
    tier = scripted()
    (file,) = listed(tier, "numpy", (FILENAME, CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    node.clock.advance(10**7)
    opening(node, FILENAME, identity=identity_of(file))
    assert [words[0] for words in tier.asked] == ["page", "file"]


@pytest.mark.parametrize("ask", [ANY, NO_CACHE])
def test_a_file_that_does_not_exist_costs_its_tier_one_question_every_two_seconds(ask: Ask) -> None:
    tier = scripted()
    listed(tier, "numpy", (FILENAME, CONTENT))
    node = SmallNode(upstreams=[tier])
    for seconds, asked in ((0.0, 1), (ASKED_AGAIN_AFTER_S - 0.1, 1), (0.1, 2)):
        node.clock.advance(seconds)
        for _ in range(20):
            with pytest.raises(FileAbsent):
                opening(node, "numpy-9.0.tar.gz", ask)
        assert len(tier.asked) == asked


def test_a_bogus_name_costs_eight_questions_at_most_and_the_answers_are_remembered() -> None:
    tier = scripted()
    node = SmallNode(upstreams=[tier])
    name = "-".join("abcdefghijklmnop") + ".tar.gz"
    for _ in range(5):
        with pytest.raises(FileAbsent):
            opening(node, name)
        node.clock.advance(10)
    assert len(tier.asked) == MAX_CANDIDATES
    node.clock.advance(10)
    with pytest.raises(FileAbsent):
        opening(node, name)
    assert len(tier.asked) == 2 * MAX_CANDIDATES


@pytest.mark.parametrize("age_s", [10, 10_000])
def test_a_file_that_a_page_lists_not_even_when_asked_again_is_absent_however_old_the_page_was(age_s: int) -> None:
    tier = scripted(etag='"one"')
    listed(tier, "numpy", (FILENAME, CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    node.clock.advance(age_s)
    with pytest.raises(FileAbsent):
        opening(node, "numpy-9.0.tar.gz")


def test_a_page_asked_for_again_is_asked_of_the_tier_itself_and_an_unknown_project_as_the_client_asked() -> None:
    tier = scripted()
    listed(tier, "numpy", (FILENAME, CONTENT))
    node = SmallNode(upstreams=[tier])
    for filename, ask in (("numpy-9.0.tar.gz", ANY), ("numpy-9.0.tar.gz", ANY), ("scipy-1.0.tar.gz", NO_CACHE)):
        with pytest.raises(FileAbsent):
            opening(node, filename, ask)
        node.clock.advance(5)
    assert [words[3] for words in tier.asked] == ["", "no-cache", "no-cache"]


def test_a_clock_that_was_set_back_does_not_keep_a_new_file_from_being_found() -> None:
    tier = scripted()
    listed(tier, "numpy", (FILENAME, CONTENT))
    node = SmallNode(upstreams=[tier])
    node.clock.rightNow = 1000.0
    result_of(node.page("numpy"))
    node.clock.rightNow = 0.0
    (new,) = listed(tier, "numpy", ("numpy-2.0.tar.gz", CONTENT))
    opening(node, new.filename, identity=identity_of(new))


def test_a_silent_tier_is_no_missing_file() -> None:
    tier = scripted(silent="down")
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NoTierAnswered, match="down"):
        opening(node, FILENAME)
    tier.silent = None
    listed(tier, "numpy", (FILENAME, CONTENT))
    result_of(node.page("numpy"))
    tier.silent = "down"
    node.clock.advance(5)
    with pytest.raises(NoTierAnswered, match="down"):
        opening(node, "numpy-9.0.tar.gz")


@pytest.mark.parametrize("ask", [LOCAL, Ask(only_if_cached=True)])
def test_no_tier_is_asked_what_lists_a_file_when_none_may_be(ask: Ask) -> None:
    tier = scripted()
    node = SmallNode(upstreams=[tier])
    with pytest.raises(NotStored):
        opening(node, FILENAME, ask)
    assert tier.asked == []


def taken_by_another(tier: ScriptedUpstream) -> File:
    """A page that lists a file which by its name belongs to another project."""
    (own,) = listed(tier, "numpy", (FILENAME, CONTENT))
    listed(tier, "evil", (FILENAME, CONTENT), url="https://public.example/elsewhere")
    return own


def test_a_project_cannot_take_the_file_of_another_by_listing_it() -> None:
    tier = scripted()
    own = taken_by_another(tier)
    node = SmallNode(upstreams=[tier])
    result_of(node.page("numpy"))
    result_of(node.page("evil"))
    assert result_of(node.content(own)) == CONTENT
    assert [record.project for record in node.catalogue.all_files()] == ["numpy"]


def test_the_page_of_an_odd_file_that_may_not_be_stored_is_asked_for_its_files() -> None:
    tier = scripted(head=evolve(HEAD, storable=False))
    (file,) = listed(tier, "odd-one", ("something_else-1.0.zip", CONTENT))
    node = SmallNode(upstreams=[tier])
    result_of(node.page("odd-one"))
    assert result_of(node.content(file)) == CONTENT


def test_odd_files_are_noted_once_and_not_at_each_refresh() -> None:
    tier = scripted()
    listed(tier, "odd-one", ("something_else-1.0.zip", CONTENT), ("something_more-1.0.zip", CONTENT[1:]))
    node = SmallNode(upstreams=[tier], config=evolve(CONFIG, freshness=FreshnessRules(page_s=1)))
    noted: list[FileIdentity] = []
    plain = node.catalogue.note_odd_file

    def note(identity: FileIdentity, project: object) -> object:
        noted.append(identity)
        return plain(identity, project)  # type: ignore[arg-type]  # as it was given

    node.parts.pages._entries._catalogue = _Noting(node, note)  # type: ignore[assignment]  # the same but for this
    for _ in range(3):
        result_of(node.page("odd-one"))
        node.clock.advance(2)
    assert sorted(identity.value for identity in noted) == sorted([sha256(CONTENT), sha256(CONTENT[1:])])


class _Noting:
    """The node's catalogue, with an ear at one method."""

    def __init__(self, node: SmallNode, note_odd_file: object) -> None:
        self._catalogue = node.catalogue
        self.note_odd_file = note_odd_file

    def __getattr__(self, name: str) -> object:
        return getattr(self._catalogue, name)


def test_a_name_that_tells_no_project_is_absent_without_a_question() -> None:
    tier = scripted()
    with pytest.raises(TiercacheError):
        opening(SmallNode(upstreams=[tier]), "README.md")
    assert tier.asked == []
