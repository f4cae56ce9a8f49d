"""Read-ahead over HTTP: a client resolves as pip does, through one node and through three, and the index is watched."""

from __future__ import annotations

import json

import pytest

from tests.doubles.chain_of_nodes import FILES, ORIGIN, ChainOfNodes, JoinedNode
from tests.doubles.far_index import BASE
from tests.doubles.small_node import sha256, wheel
from tests.doubles.tier_http import JSON_TYPE, http_answer
from tests.prefetch.walking import PIP, metadata
from tiercache.config import AccessConfig, GrantConfig, PrefetchConfig

AGENT = {"User-Agent": PIP}
NEEDS = {"app": ("lib", "other"), "lib": ("deep",), "other": (), "deep": ("deeper",), "deeper": ()}


def filename(name: str) -> str:
    return f"{name}-1.0-py3-none-any.whl"


def content(name: str) -> bytes:
    return wheel(name, "1.0", metadata(name, "1.0", *NEEDS[name]))


def stocked(chain: ChainOfNodes) -> ChainOfNodes:
    """The index has the application and what it needs, with core metadata beside each wheel."""
    for name, needs in NEEDS.items():
        chain.index.on(f"GET {BASE}{name}/", page_of(name))
        chain.index.on(f"GET {FILES}{filename(name)}", http_answer(200, content(name)))
        chain.index.on(f"GET {FILES}{filename(name)}.metadata", http_answer(200, metadata(name, "1.0", *needs)))
    return chain


def page_of(name: str) -> bytes:
    data = content(name)
    file = {
        "filename": filename(name),
        "url": FILES + filename(name),
        "hashes": {"sha256": sha256(data)},
        "size": len(data),
        "core-metadata": {"sha256": sha256(metadata(name, "1.0", *NEEDS[name]))},
    }
    page = {"meta": {"api-version": "1.1"}, "name": name, "versions": ["1.0"], "files": [file]}
    return http_answer(200, json.dumps(page).encode(), {"Content-Type": JSON_TYPE, "Cache-Control": "max-age=600"})


def three() -> tuple[ChainOfNodes, JoinedNode]:
    chain = stocked(ChainOfNodes())
    chain.node("private", ORIGIN)
    chain.node("office", "private")
    return chain, chain.node("laptop", "office")


def index_asked(chain: ChainOfNodes) -> list[str]:
    """What the index was asked for since the last look, in order."""
    found = [url.removeprefix("GET ").removeprefix(BASE).removeprefix(FILES) for url in chain.index.asked()]
    chain.index.requests.clear()
    return found


def path_of(name: str) -> str:
    return f"/files/{sha256(content(name))}/{filename(name)}"


EVERYTHING = {
    *(f"{name}/" for name in NEEDS),
    *(f"{filename(name)}.metadata" for name in NEEDS),
}


def test_one_page_brings_all_that_a_resolution_needs_to_the_node() -> None:
    chain = stocked(ChainOfNodes())
    laptop = chain.node("laptop", ORIGIN)
    laptop.page("app", AGENT)
    assert set(index_asked(chain)) == EVERYTHING
    for name in NEEDS:
        assert laptop.page(name, AGENT).status == 200
        assert laptop.get(f"{path_of(name)}.metadata", AGENT).body == metadata(name, "1.0", *NEEDS[name])
    assert index_asked(chain) == []


def test_through_three_tiers_everything_is_asked_of_the_index_once() -> None:
    chain, laptop = three()
    laptop.page("app", AGENT)
    asked = index_asked(chain)
    assert set(asked) == EVERYTHING
    assert len(asked) == len(EVERYTHING)
    for name in NEEDS:
        laptop.page(name, AGENT)
        laptop.get(f"{path_of(name)}.metadata", AGENT)
    assert index_asked(chain) == []


def test_the_first_file_brings_those_that_were_looked_at_and_each_crosses_each_link_once() -> None:
    chain, laptop = three()
    for name in NEEDS:
        laptop.page(name, AGENT)
        laptop.get(f"{path_of(name)}.metadata", AGENT)
    index_asked(chain)
    for name in NEEDS:
        assert laptop.get(path_of(name), AGENT).body == content(name)
        if name == "app":
            assert sorted(index_asked(chain)) == sorted(map(filename, NEEDS))
    assert index_asked(chain) == []
    for node in chain.nodes.values():
        for name in NEEDS:
            assert len([one for one in node.received if one.path.endswith(filename(name))]) <= 1


def test_a_part_of_a_file_brings_no_others() -> None:
    chain = stocked(ChainOfNodes())
    laptop = chain.node("laptop", ORIGIN)
    for name in ("app", "lib"):
        laptop.page(name, AGENT)
        laptop.get(f"{path_of(name)}.metadata", AGENT)
    index_asked(chain)
    laptop.get(path_of("app"), {**AGENT, "Range": "bytes=0-9"})
    assert filename("lib") not in index_asked(chain)


@pytest.mark.parametrize("agent", ["curl/8.14", "pip/26.3", "Mozilla/5.0"])
def test_who_is_no_installer_brings_nothing_but_what_it_asks_for(agent: str) -> None:
    chain = stocked(ChainOfNodes())
    chain.node("laptop", ORIGIN).page("app", {"User-Agent": agent})
    assert index_asked(chain) == ["app/"]


def test_local_pages_bring_nothing() -> None:
    chain = stocked(ChainOfNodes())
    laptop = chain.node("laptop", ORIGIN)
    laptop.get(path_of("app"))
    laptop.get("/simple/app/")
    laptop.get(path_of("app"))
    index_asked(chain)
    laptop.get("/local/app/", AGENT)
    laptop.get(f"/local{path_of('app')}", AGENT)
    laptop.get(f"/local{path_of('app')}.metadata", AGENT)
    assert index_asked(chain) == []


def test_a_node_whose_owner_wants_no_guesses_makes_none() -> None:
    chain = stocked(ChainOfNodes())
    laptop = chain.node("laptop", ORIGIN, prefetch=PrefetchConfig(read_ahead=False))
    laptop.page("app", AGENT)
    assert index_asked(chain) == ["app/"]


def test_an_index_that_limits_is_not_asked_for_more_until_it_may_be_asked_again() -> None:
    chain = stocked(ChainOfNodes())
    laptop = chain.node("laptop", ORIGIN)
    limited = http_answer(429, headers={"Retry-After": "60"})
    chain.index.on(f"GET {BASE}lib/", limited, page_of("lib"))
    chain.index.on(f"GET {BASE}other/", limited, page_of("other"))
    laptop.page("app", AGENT)
    asked = index_asked(chain)
    assert "deep/" not in asked
    assert asked.count("lib/") + asked.count("other/") <= 2
    chain.advance(5)
    assert index_asked(chain) == []


def test_what_the_client_may_not_read_is_not_fetched_for_it() -> None:
    chain = stocked(ChainOfNodes())
    grant = GrantConfig(who=("anyone",), may=("read",), projects=("*", "!lib"))
    laptop = chain.node("laptop", ORIGIN, access=AccessConfig(grants=(grant,)))
    laptop.page("app", AGENT)
    asked = index_asked(chain)
    assert "other/" in asked
    assert "lib/" not in asked
