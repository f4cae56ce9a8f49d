"""An index that gives weak digests or none, wrong bytes, or nothing usable: never a wrong byte under a 200."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from attrs import frozen

from tests.acceptance.conftest import SHARED, VARIANTS, IndexStarter, NodeStarter
from tests.doubles.clients import Pip, Uv
from tests.doubles.fetching import Answer, answer_of, assert_whole, connect, fetch
from tests.doubles.processes import Running, RunningIndex, RunningNode, wait_until
from tests.doubles.universe import Universe, layer_names

# Quick to give up, but not so quick that an index on a busy machine would be taken for a silent one.
QUICK_TIER = {"timeout": "4s", "silence-timeout": "4s", "connect-timeout": "4s"}
QUICK_BREAKER = {"failures": 3, "probe-every": "200ms"}


@frozen(kw_only=True)
class Stand:
    """An index, and a node with it as its only tier."""

    index: RunningIndex
    node: RunningNode


@pytest.fixture(scope="module")
def stands(tmp_path_factory: pytest.TempPathFactory, archives: Path) -> Iterator[Mapping[str, Stand]]:
    """One for each variant, whose node is quick to give up and keeps no page fresh."""
    started: list[Running] = []
    made: dict[str, Stand] = {}
    try:
        for variant in VARIANTS:
            folder = tmp_path_factory.mktemp(f"bad-{variant}")
            index = RunningIndex.start(folder / "index", variant, archives=archives, max_age=0)
            started.append(index)
            tier = {"name": "public", "kind": "origin", "url": index.simple, **QUICK_TIER}
            settings = {"tiers": [tier], "breaker": QUICK_BREAKER, "freshness": {"page": "0s", "patience": "200ms"}}
            node = RunningNode.prepare(folder / "node", settings)
            started.append(node)
            made[variant] = Stand(index=index, node=node)
        for stand in made.values():
            stand.node.wait_until_ready()
        yield made
    finally:
        for one in reversed(started):
            one.close()


@pytest.fixture
def stand(request: pytest.FixtureRequest, variant: str, stands: Mapping[str, Stand]) -> Iterator[Stand]:
    """The one of the variant, which many tests use one after the other, each with projects or files of its own.

    The index behaves again after each of them, and the node has taken notice.
    """
    made = stands[variant]
    request.node.stash[SHARED] = [made.index, made.node]
    made.index.forget()
    yield made
    made.index.behave()
    made.index.release()
    wait_until(lambda: asked_anew(made), what="the recovery")


def asked_anew(stand: Stand) -> bool:
    """Whether the index has just been asked for a page that the node gives out."""
    stand.index.forget()
    return stand.node.get("simple/tc-epoch/").status == 200 and bool(stand.index.requests("tc-epoch"))


def file_url(node: RunningNode, project: str, filename: str) -> str:
    """Where the node's own page says that the file is, without its fragment."""
    page = f"{node.simple}{project}/"
    links: list[str] = re.findall(r'href="([^"#]+)[^"]*"', fetch(page, headers={"Accept": "text/html"}).body.decode())
    return next(urljoin(page, link) for link in links if link.endswith(filename))


def complete(url: str) -> Answer | None:
    """The answer, or None if it was broken off, as a client must be able to tell."""
    try:
        return fetch(url)
    except (OSError, http.client.IncompleteRead):
        return None


@pytest.mark.parametrize("project", ["tc-md5-only", "tc-blake2-only", "tc-many-digests", "tc-undigested"])
def test_weak_digests_and_none_install(
    project: str, variant: str, pip: Pip, uv: Uv, fake_index: IndexStarter, node_of: NodeStarter
) -> None:
    index = fake_index(variant, max_age=0)
    node = node_of(index, freshness={"page": "0s"})

    installed = pip.install(node.simple, project)

    assert installed.succeeded, installed.run.said
    assert set(installed.versions) == {project}
    assert uv.install(node.simple, project).tree == installed.tree
    node.wait_until_kept(installed.versions)
    index.kill()
    for root in (node.simple, node.local):
        again = pip.install(root, project)
        assert again.succeeded, again.run.said
        assert again.tree == installed.tree


@pytest.mark.parametrize("project", ["tc-md5-only", "tc-blake2-only", "tc-vivid"])
@pytest.mark.parametrize(("bad", "nth"), [("wrong", 1), ("half", 3), ("excess", 0)], ids=["wrong", "half", "excess"])
def test_wrong_bytes_are_never_given_out_as_a_whole_file(
    project: str, bad: str, nth: int, pip: Pip, stand: Stand, universe: Universe
) -> None:
    """Each with another file, the `nth` of its project, so that no other test has it stored."""
    index, node = stand.index, stand.node
    archive = universe.archives(project)[nth]
    url = file_url(node, project, archive.filename)
    index.behave({"do": bad, "match": f"*/{archive.filename}", "methods": ["GET"]})

    answer = complete(url)

    right = archive.path.read_bytes()
    if bad == "excess":  # what follows the right bytes may be cut off, or all of it be refused
        assert answer is None or answer.status >= 500 or answer.body == right
    else:
        assert answer is None or answer.status >= 500
        assert not pip.install(node.simple, f"{project}=={archive.release.version}").succeeded
    assert archive.filename.encode() not in fetch(f"{node.local}{project}/").body or bad == "excess"
    index.behave()
    recovered = wait_until(lambda: (got := complete(url)) and got.status == 200 and got, what="the recovery")
    assert isinstance(recovered, Answer)
    assert recovered.body == right


def test_a_big_file_with_a_wrong_digest_is_broken_off_before_its_last_byte(
    fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    index = fake_index()
    node = node_of(index)
    big = universe.wheel("tc-big", "1.0")
    url = file_url(node, "tc-big", big.filename)
    index.behave({"do": "wrong", "match": f"*/{big.filename}"})

    with pytest.raises((OSError, http.client.IncompleteRead)):
        fetch(url)

    index.behave()
    assert_whole(fetch(url), big.path)


def tiers_of(*indexes: RunningIndex) -> Mapping[str, Any]:
    """The settings of a node that has these indexes as its tiers, in this order."""
    origin = {"kind": "origin", **QUICK_TIER}
    return {"tiers": [{"name": f"tier-{at}", "url": index.simple, **origin} for at, index in enumerate(indexes)]}


def times_fetched(index: RunningIndex, filename: str) -> int:
    return len([line for line in index.requests(filename) if line["method"] == "GET"])


def test_who_comes_after_wrong_bytes_is_not_refused_for_them_while_the_next_tier_is_asked_in_vain(
    fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    index, silent = fake_index(), fake_index()
    node = node_of(index, **tiers_of(index, silent))
    big = universe.wheel("tc-big", "1.0")
    url = file_url(node, "tc-big", big.filename)
    index.behave({"do": "wrong", "match": f"*/{big.filename}"})
    silent.behave({"do": "hang", "match": "/simple/*"})
    assert complete(url) is None

    index.behave()

    assert_whole(fetch(url), big.path)
    assert times_fetched(index, big.filename) == 2


def test_who_comes_after_wrong_bytes_shares_the_right_ones_of_the_next_tier(
    fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    index, right = fake_index(), fake_index()
    node = node_of(index, **tiers_of(index, right))
    big = universe.wheel("tc-big", "1.0")
    url = file_url(node, "tc-big", big.filename)
    index.behave({"do": "wrong", "match": f"*/{big.filename}"})
    right.behave({"do": "hold", "value": 1 << 20, "match": f"*/{big.filename}", "methods": ["GET"]})
    assert complete(url) is None

    connection, path = connect(url)
    connection.request("GET", path)
    response = connection.getresponse()  # held: there is no more of it yet than its beginning
    right.release()

    assert_whole(answer_of(response), big.path)
    connection.close()
    assert times_fetched(index, big.filename) == times_fetched(right, big.filename) == 1


BAD_PAGES: Mapping[str, Mapping[str, Any]] = {
    "500": {"do": "status", "value": 500},
    "429 with Retry-After": {"do": "status", "value": 429, "headers": {"Retry-After": "2"}},
    "silence": {"do": "hang"},
    "half a body": {"do": "half"},
    "garbage": {"do": "garbage"},
    "a gzip bomb": {"do": "gzip-bomb", "value": 256 << 20},
    "an endless redirect": {"do": "redirect-loop"},
}


@pytest.mark.parametrize("bad", BAD_PAGES)
def test_a_page_that_cannot_be_used_is_503_when_new_and_the_old_one_when_known(bad: str, stand: Stand) -> None:
    index, node = stand.index, stand.node
    new_project = layer_names()[1][list(BAD_PAGES).index(bad)]  # whose page no other test asks for
    known = node.get("simple/tc-vivid/", Accept="application/vnd.pypi.simple.v1+json")
    assert known.status == 200
    index.behave({**BAD_PAGES[bad], "match": "/simple/*"})

    new = node.get(f"simple/{new_project}/")
    again = node.get("simple/tc-vivid/", Accept="application/vnd.pypi.simple.v1+json")

    assert new.status == 503, new
    assert int(new.headers["retry-after"]) >= 0
    assert (again.status, again.body) == (200, known.body)
    assert node.peak_memory_bytes() < 150 << 20
    index.behave()
    index.release()
    wait_until(lambda: node.get(f"simple/{new_project}/").status == 200, what="the recovery")


def test_a_page_that_drips_keeps_nobody_waiting_who_can_have_the_old_one(
    stand: Stand,
) -> None:
    index, node = stand.index, stand.node
    known = node.get("simple/tc-forward/")
    index.behave({"do": "drip", "value": 2, "match": "/simple/*"})

    again = node.get("simple/tc-forward/")

    assert (again.status, again.body) == (200, known.body)
    assert index.requests("tc-forward")[-1]["sent"] < 50


def test_a_page_of_twenty_megabytes_is_served(variant: str, fake_index: IndexStarter, node_of: NodeStarter) -> None:
    index = fake_index(variant)
    index.behave({"do": "large", "value": 20 << 20, "match": "/simple/tc-ancient/"})
    node = node_of(index)

    page = node.get("simple/tc-ancient/", Accept="text/html")

    assert page.status == 200
    assert page.body.count(b"<a ") == 400


def test_links_of_schemes_that_hold_no_files_are_dropped(
    stand: Stand,
) -> None:
    stand.index.behave({"do": "scripts", "match": "/simple/tc-preview/"})

    page = stand.node.get("simple/tc-preview/", Accept="text/html")

    assert page.body.count(b"<a ") == 4
    assert b"tc_bad" not in page.body


def test_an_unknown_project_is_404_and_asked_for_once(
    stand: Stand,
) -> None:
    answers = [stand.node.get("simple/tc-no-such-project/").status for _ in range(5)]

    assert answers == [404] * 5
    assert len(stand.index.requests("no-such")) == 1


def test_a_tier_without_ranges_still_gives_metadata(
    uv: Uv, fake_index: IndexStarter, node_of: NodeStarter, universe: Universe
) -> None:
    index = fake_index("html")
    index.behave({"do": "whole", "match": "/files/*"})
    node = node_of(index)
    wheel = universe.wheel("tc-vivid", "2.0")

    sidecar = fetch(f"{node.url}files/{wheel.hashes['sha256']}/{wheel.filename}.metadata")

    assert (sidecar.status, sidecar.body) == (200, wheel.metadata)
    assert uv.install(node.simple, "tc-vivid").succeeded
