"""What requests to a tier say of where they have been, and what is made of a tier that has seen them before."""

from __future__ import annotations

import pytest

from tests.doubles.far_index import BASE, NUMPY, PAGE, far_index, json_answer, listed
from tests.doubles.tier_http import TierHttp, http_answer
from tiercache.errors import LoopFound, TierUnreachable
from tiercache.policy.entry import NotModified, Present, Validators
from tiercache.policy.hops import NONE_YET, Hops
from tiercache.upstream.target import Target

NODE = "00000000000000aa"
WHEEL = "https://files.example/numpy-1.0-py3-none-any.whl"
PASSED = Hops(via=("1.1 squid", "1.1 00000000000000bb"), cdn_loop=("00000000000000bb",))


@pytest.fixture
def http() -> TierHttp:
    return TierHttp()


def test_every_kind_of_request_names_this_node_after_those_before_it(http: TierHttp) -> None:
    index = far_index(http, node_id=NODE).behind(PASSED)
    file = listed(WHEEL, provenance=f"{WHEEL}.provenance", core_metadata=True)
    http.on(f"GET {PAGE}", json_answer(WHEEL))
    http.on(f"GET {WHEEL}", http_answer(200, b"abc"))
    http.on(f"HEAD {WHEEL}", http_answer(200, length=3))
    for attachment in (".metadata", ".provenance"):
        http.on(f"GET {WHEEL}{attachment}", http_answer(200, b"{}"))
    http.result(index.page(NUMPY, Validators(), no_cache=False))
    http.result(index.file(file, 0)).close()
    http.result(index.file_size(file))
    http.result(index.sidecar(file))
    http.result(index.provenance(file))
    http.result(index.probe())
    assert len(http.requests) == 6
    for request in http.requests:
        assert request.headers["via"] == f"1.1 squid, 1.1 00000000000000bb, 1.1 {NODE}"
        assert request.headers["cdn-loop"] == f"00000000000000bb, {NODE}"


def test_hops_belong_to_one_request_and_stay_with_it_through_redirects_and_retries(http: TierHttp) -> None:
    index = far_index(http, node_id=NODE)
    behind = index.behind(PASSED)
    moved = "https://mirror.example/numpy/"
    http.on(f"GET {PAGE}", http_answer(503), http_answer(302, headers={"Location": moved}), json_answer(WHEEL))
    http.on(f"GET {moved}", json_answer(WHEEL))
    http.result(behind.page(NUMPY, Validators(), no_cache=False))
    http.result(index.page(NUMPY, Validators(), no_cache=False))
    passed = [request.headers["cdn-loop"] for request in http.requests]
    assert passed == [f"00000000000000bb, {NODE}"] * 3 + [NODE]


def test_requests_before_and_behind_share_their_turns(http: TierHttp) -> None:
    """Else each client's request would count for itself, and a burst would not be held back."""
    index = far_index(http)
    assert index.behind(PASSED)._requests._turns is index._requests._turns


def test_what_came_the_same_way_is_asked_for_in_one_and_no_other_way(http: TierHttp) -> None:
    index = far_index(http, node_id=NODE)
    other = Hops(via=("1.1 00000000000000cc",), cdn_loop=("00000000000000cc",))
    assert index.behind(PASSED) is index.behind(Hops(via=PASSED.via, cdn_loop=PASSED.cdn_loop))
    assert index.behind(other).requests.hops == index.behind(PASSED).behind(other).requests.hops == other
    assert index.behind(PASSED).behind(NONE_YET).requests.hops == index.requests.hops == NONE_YET
    assert index.behind(NONE_YET) is index


def test_pages_at_another_base_are_asked_for_there_by_whichever_way(http: TierHttp) -> None:
    index = far_index(http, node_id=NODE)
    assert index.behind(PASSED).requests.hops == PASSED
    http.on(f"GET https://elsewhere.example/{NUMPY}/", json_answer(WHEEL))
    elsewhere = index.at(Target.parse("https://elsewhere.example/")).behind(PASSED)
    assert isinstance(http.result(elsewhere.page(NUMPY, Validators(), no_cache=False)), Present)


def test_a_node_without_an_id_names_nobody(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", json_answer(WHEEL))
    http.result(far_index(http).behind(PASSED).page(NUMPY, Validators(), no_cache=False))
    assert not {"via", "cdn-loop"} & http.requests[0].headers.keys()


def test_a_tier_that_refuses_the_way_is_asked_once_and_is_no_tier_that_is_down(http: TierHttp) -> None:
    http.on(f"GET {PAGE}", http_answer(508, b"This request has been here before."))
    http.on(f"GET {WHEEL}", http_answer(508))
    index = far_index(http, node_id=NODE)
    for asking in (index.page(NUMPY, Validators(), no_cache=False), index.file(listed(WHEEL), 0)):
        with pytest.raises(LoopFound) as caught:
            http.result(asking)
        assert isinstance(caught.value, TierUnreachable)
        assert (caught.value.tier, caught.value.reason) == ("office", "loop")
    assert len(http.requests) == 2


def test_a_probe_is_content_with_a_tier_that_refuses_the_way(http: TierHttp) -> None:
    http.on(f"HEAD {BASE}", http_answer(508), http_answer(500))
    index = far_index(http, node_id=NODE)
    http.result(index.probe())
    with pytest.raises(TierUnreachable):
        http.result(index.probe())


def test_what_a_tier_says_of_its_own_cache_comes_with_its_answer(http: TierHttp) -> None:
    index = far_index(http)
    http.on(
        f"GET {PAGE}",
        json_answer(WHEEL, Cache_Status="office; hit"),
        http_answer(304, headers={"Cache-Status": "edge; hit\r\nCache-Status: office; fwd=stale"}, length=None),
        json_answer(WHEEL),
    )
    found = http.result(index.page(NUMPY, Validators(), no_cache=False))
    assert isinstance(found, Present)
    assert found.cache_status == "office; hit"
    again = http.result(index.page(NUMPY, Validators(etag='"a"'), no_cache=False))
    assert isinstance(again, NotModified)
    assert again.cache_status == "edge; hit, office; fwd=stale"
    silent = http.result(index.page(NUMPY, Validators(), no_cache=False))
    assert isinstance(silent, Present)
    assert silent.cache_status is None
    http.on(f"GET {WHEEL}", http_answer(200, b"abc", {"Cache-Status": "office; hit"}))
    assert http.result(index.file(listed(WHEEL), 0)).cache_status == "office; hit"
