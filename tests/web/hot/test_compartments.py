"""What changes of one project outdates what is ready of it, at once, and leaves what is ready of others alone."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doubles.now import result_of
from tests.doubles.small_node import listed, wheel
from tests.web.hot import test_news as news
from tests.web.hot.twins import ACME, ACME_NAME, FILE, NUMPY, NUMPY_NAME, SIDECAR, MakeTwins, Twins, head, sha256
from tiercache.cache.knowledge import compartment_of
from tiercache.interfaces import METADATA, Attachment
from tiercache.policy.entry import Ask
from tiercache.policy.news import Position
from tiercache.simple.model import FileIdentity
from tiercache.simple.names import normalise

NUMPY_PROJECT, ACME_PROJECT = normalise("numpy"), normalise("acme-tools")
OF_NUMPY = ("/simple/numpy/", "/local/numpy/", FILE, SIDECAR)
OF_ACME = ("/simple/acme-tools/", "/local/acme-tools/", f"/files/{sha256(ACME)}/{ACME_NAME}.metadata")


def freshened(twins: Twins) -> None:
    twins.node.clock.advance(700)
    result_of(twins.node.page("numpy", Ask()))


def another_is_stored(twins: Twins) -> None:
    (_, more) = listed(twins.public, "numpy", (NUMPY_NAME, NUMPY), ("numpy-2.0.tar.gz", b"two"))
    result_of(twins.node.page("numpy", Ask(no_cache=True)))
    result_of(twins.node.content(more))


def evicted(twins: Twins) -> None:
    parts = twins.node.parts
    result_of(parts.janitor.make_room(len(NUMPY)))


def damaged(twins: Twins) -> None:
    parts = twins.node.parts
    parts.stored_files.remove(sha256(NUMPY))
    assert result_of(parts.files.stored(FileIdentity("sha256", sha256(NUMPY)), NUMPY_NAME)) is None


def found_to_need_addresses(twins: Twins) -> None:
    """By another project, whose page lists the same bytes."""
    name = FileIdentity("sha256", sha256(NUMPY))
    admission = twins.node.parts.sidecars._admission
    admission.note_requirements(normalise("numpy-again"), [name], ("evil @ https://evil.example/e.whl",))


def said_otherwise(twins: Twins) -> None:
    """By another project's page, of the same bytes."""
    told = Attachment(
        identity=FileIdentity("sha256", sha256(NUMPY)),
        project=normalise("numpy-again"),
        kind=METADATA,
        sha256=sha256(b"other"),
        data=b"Metadata-Version: 2.1\nName: numpy\nVersion: 1.0\nSummary: other\n",
    )
    result_of(twins.node.parts.sidecars._keep(told))


def taken_over(twins: Twins) -> None:
    """The same bytes are stored for another project, by another name of theirs."""
    hashes = {"md5": hashlib.md5(NUMPY, usedforsecurity=False).hexdigest()}
    (file,) = listed(twins.public, "numpy-again", ("numpy_again-1.0-py3-none-any.whl", NUMPY), hashes=hashes)
    result_of(twins.node.page("numpy-again", Ask()))
    result_of(twins.node.content(file))


def came_of_what_memory_has_dropped(twins: Twins) -> None:
    entries = twins.node.parts.entries
    entries._decoded.drop(NUMPY_PROJECT)
    result_of(entries.hear(NUMPY_PROJECT, "public", Position(epoch="e", serial=1), is_known=False))


def stands(twins: Twins, path: str) -> bool:
    """Whether what is ready for a path is given without being looked at, or asked for, again."""
    ready = twins.hot.site.hot.ready
    places = ready._places[path.encode()].values()
    return all(place.version == ready._version(place.compartment) for place in places)


def made(make_twins: MakeTwins, folder: Path) -> Twins:
    twins = make_twins(folder=folder)
    for path in (*OF_NUMPY, *OF_ACME):
        twins.warm(path)
        assert twins.is_hot(head("GET", path))
        assert stands(twins, path)
    return twins


def test_the_two_projects_have_nothing_in_common() -> None:
    assert compartment_of(NUMPY_PROJECT) != compartment_of(ACME_PROJECT)


@pytest.mark.parametrize("change", [news.uploaded, news.yanked, news.quarantined, news.withdrawn])
def test_change_of_a_hosted_project_is_its_own(
    change: Callable[[Twins], None], make_twins: MakeTwins, tmp_path: Path
) -> None:
    twins = made(make_twins, tmp_path)
    change(twins)
    assert [path for path in (*OF_NUMPY, *OF_ACME) if stands(twins, path)] == [*OF_NUMPY]
    the_same_as_the_application(twins)


@pytest.mark.parametrize(
    "change",
    [
        news.news_came,
        news.insisted,
        news.gone_above,
        freshened,
        another_is_stored,
        evicted,
        damaged,
        found_to_need_addresses,
        said_otherwise,
        taken_over,
        came_of_what_memory_has_dropped,
    ],
)
def test_change_of_a_cached_project_is_its_own(
    change: Callable[[Twins], None], make_twins: MakeTwins, tmp_path: Path
) -> None:
    twins = made(make_twins, tmp_path)
    change(twins)
    assert [path for path in (*OF_NUMPY, *OF_ACME) if stands(twins, path)] == [*OF_ACME]
    the_same_as_the_application(twins)


BESIDE = "numpy-3.0-py3-none-any.whl"
OTHER_WHEEL = wheel("numpy", "3.0", b"Metadata-Version: 2.1\nName: numpy\nVersion: 3.0\n")
OF_THE_OTHER = FileIdentity("sha256", sha256(OTHER_WHEEL))
UNSTORED = f"/files/{sha256(OTHER_WHEEL)}/{BESIDE}.metadata"


def told(project: str, data: bytes) -> Attachment:
    return Attachment(identity=OF_THE_OTHER, project=normalise(project), kind=METADATA, sha256=sha256(data), data=data)


def other_is_said_of_it_by_others(twins: Twins) -> None:
    data = b"Metadata-Version: 2.1\nName: numpy\nVersion: 3.0\nSummary: other\n"
    result_of(twins.node.parts.sidecars._keep(told("numpy-again", data)))


def it_is_found_by_others_to_need_addresses(twins: Twins) -> None:
    admission = twins.node.parts.sidecars._admission
    admission.note_requirements(normalise("numpy-again"), [OF_THE_OTHER], ("evil @ https://evil.example/e.whl",))


def it_is_stored_for_others(twins: Twins) -> None:
    (file,) = listed(twins.public, "numpy-again", ("numpy_again-3.0-py3-none-any.whl", OTHER_WHEEL))
    result_of(twins.node.page("numpy-again", Ask()))
    result_of(twins.node.content(file))


def it_is_listed_no_more(twins: Twins) -> None:
    listed(twins.public, "numpy", (NUMPY_NAME, NUMPY))
    result_of(twins.node.page("numpy", Ask(no_cache=True)))


@pytest.mark.parametrize(
    "change",
    [
        other_is_said_of_it_by_others,
        it_is_found_by_others_to_need_addresses,
        it_is_stored_for_others,
        it_is_listed_no_more,
    ],
)
def test_core_metadata_of_what_is_not_stored_is_outdated_by_whoever_says_something_of_it(
    change: Callable[[Twins], None], make_twins: MakeTwins
) -> None:
    twins = make_twins()
    listed(twins.public, "numpy", (NUMPY_NAME, NUMPY), (BESIDE, OTHER_WHEEL))
    result_of(twins.node.page("numpy", Ask(no_cache=True)))
    result_of(twins.node.parts.sidecars._keep(told("numpy", b"Metadata-Version: 2.1\nName: numpy\nVersion: 3.0\n")))
    for path in (UNSTORED, *OF_ACME):
        twins.warm(path)
        assert twins.is_hot(head("GET", path))
        assert stands(twins, path)
    change(twins)
    assert [path for path in (UNSTORED, *OF_ACME) if stands(twins, path)] == [*OF_ACME]
    for _ in range(2):
        ready = twins.hot_answer(head("GET", UNSTORED))
        assert news._but_how(ready) == news._but_how(twins.stock_answer(head("GET", UNSTORED)))


def feed_began(twins: Twins) -> None:
    vouching = twins.node.parts.entries._vouching
    vouching._become("public", live={"above": 1})


@pytest.mark.parametrize("change", [news.went_offline, news.reserved_elsewhere, news.released, feed_began])
def test_change_that_is_about_no_project_alone_is_everybody_s(
    change: Callable[[Twins], None], make_twins: MakeTwins, tmp_path: Path
) -> None:
    twins = made(make_twins, tmp_path)
    change(twins)
    assert [path for path in (*OF_NUMPY, *OF_ACME) if stands(twins, path)] == []
    the_same_as_the_application(twins)


def the_same_as_the_application(twins: Twins) -> None:
    for path in (*OF_NUMPY, *OF_ACME):
        ready = twins.hot_answer(head("GET", path))
        assert news._but_how(ready) == news._but_how(twins.stock_answer(head("GET", path))), path
