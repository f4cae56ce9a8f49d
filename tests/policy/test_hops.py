from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.policy.hops import (
    LONGEST_FIELD,
    LONGEST_REMEMBERED,
    MOST_HOPS,
    MOST_VIA,
    NONE_YET,
    Hops,
    Loop,
    hops_from_headers,
)

HERE = "00000000000000ff"
IDS = [f"{number:016x}" for number in range(100)]

ids = st.integers(0, 2**64 - 1).map(lambda number: f"{number:016x}")


@pytest.mark.parametrize(
    ("via", "cdn_loop", "hops"),
    [
        (None, None, NONE_YET),
        ("", " ", NONE_YET),
        (" , ,", None, NONE_YET),
        ("1.1 a", None, Hops(via=("1.1 a",))),
        ("1.0 fred, HTTP/1.1 p.example.net:80", None, Hops(via=("1.0 fred", "HTTP/1.1 p.example.net:80"))),
        ("1.1 a (Apache, x), 1.1 b", None, Hops(via=("1.1 a (Apache, x)", "1.1 b"))),
        (r"1.1 a (one \) paren, still), 1.1 b", None, Hops(via=(r"1.1 a (one \) paren, still)", "1.1 b"))),
        ("1.1 a (in (nested, one), x), 1.1 b", None, Hops(via=("1.1 a (in (nested, one), x)", "1.1 b"))),
        (None, 'a; t="x, y", b;c=d', Hops(cdn_loop=('a; t="x, y"', "b;c=d"))),
        (None, r'a; t="\", y", b', Hops(cdn_loop=(r'a; t="\", y"', "b"))),
        # what is never closed would hide every node behind it
        ("1.1 a (open, 1.1 b", None, Hops(via=("1.1 a (open", "1.1 b"))),
        (None, 'a; t="open, b', Hops(cdn_loop=('a; t="open', "b"))),
        # no member holds what could break a line
        ("1.1\ta\r\nx: y, 1.1 bü", None, Hops(via=("1.1 a x: y", "1.1 b"))),
    ],
)
def test_members_are_read_as_the_rfcs_write_them(via: str | None, cdn_loop: str | None, hops: Hops) -> None:
    assert hops_from_headers(via, cdn_loop) == hops


def test_fields_of_two_ways_that_read_alike_together_are_kept_apart() -> None:
    assert hops_from_headers("1.1 a", "b") != hops_from_headers("1.1 a, b", None)
    assert hops_from_headers("1.1 a", "b") == hops_from_headers("1.1 a", "b")


@pytest.mark.parametrize("length", [LONGEST_REMEMBERED, LONGEST_REMEMBERED + 1])
def test_fields_are_read_alike_whether_they_are_remembered_or_too_long_for_that(length: int) -> None:
    loop = ", ".join(IDS[:3]).ljust(length, "x")
    for _ in range(2):
        assert hops_from_headers(None, loop) == Hops(cdn_loop=(IDS[0], IDS[1], IDS[2] + "x" * (length - 52)))


@pytest.mark.parametrize(
    ("via", "cdn_loop", "loop"),
    [
        (None, None, None),
        ("1.1 nginx", "cdn.example", None),
        (None, HERE, Loop.BEEN_HERE),
        (None, f"other, {HERE.upper()} ; x=y, third", Loop.BEEN_HERE),
        (f"1.1 a, HTTP/1.1 {HERE} (tiercache), 1.1 b", None, Loop.BEEN_HERE),
        (f"1.1 {HERE}0", f"x{HERE}", None),
        (f"1.1 a ({HERE}, 1.1 {HERE})", f'a; x="{HERE}, {HERE}"', None),  # said of a node is not been at it
        (None, ", ".join(IDS[:MOST_HOPS]), None),
        (None, ", ".join(IDS[: MOST_HOPS + 1]), Loop.TOO_FAR),
        (None, ", ".join(f"cdn{n}.example" for n in range(MOST_HOPS + 1)), Loop.TOO_FAR),
        (", ".join(f"1.1 {name}" for name in IDS[:MOST_HOPS]), None, None),
        (", ".join(f"1.1 {name}" for name in IDS[: MOST_HOPS + 1]), None, Loop.TOO_FAR),
        (", ".join(f"1.1 proxy{n}" for n in range(MOST_VIA)), None, None),
        (", ".join(f"1.1 proxy{n}" for n in range(MOST_VIA + 1)), None, Loop.TOO_FAR),
        ("1.1 " + "a" * (LONGEST_FIELD - 4), None, None),
        ("1.1 " + "a" * (LONGEST_FIELD - 3), None, Loop.TOO_FAR),
        (None, "a" * (LONGEST_FIELD + 1), Loop.TOO_FAR),
    ],
)
def test_a_request_may_not_go_on_that_has_been_here_or_too_far(
    via: str | None, cdn_loop: str | None, loop: Loop | None
) -> None:
    assert hops_from_headers(via, cdn_loop).loop_at(HERE) is loop


def test_proxies_between_nodes_are_no_hops() -> None:
    via = ", ".join(f"1.1 proxy, 1.1 {name}" for name in IDS[:MOST_HOPS])
    hops = hops_from_headers(via, None)
    assert hops.ids == tuple(IDS[:MOST_HOPS])
    assert hops.loop_at(HERE) is None


def test_the_fuller_field_tells_how_far_a_request_has_come() -> None:
    """A proxy that drops a field that it does not know makes no way endless."""
    assert hops_from_headers(f"1.1 {IDS[1]}, 1.1 {IDS[2]}", IDS[2]).ids == (IDS[1], IDS[2])


@given(st.lists(ids, max_size=MOST_HOPS, unique=True), ids)
def test_each_node_finds_itself_and_all_before_it(passed: list[str], last: str) -> None:
    hops = NONE_YET
    for node_id in [*passed, last]:
        headers = hops.headers_from(node_id)
        hops = hops_from_headers(headers["Via"], headers["CDN-Loop"])
    assert hops.ids == (*passed, last)
    assert all(hops.loop_at(node_id) is Loop.BEEN_HERE for node_id in hops.ids)


@given(st.text(), st.text())
def test_no_text_hides_the_nodes_that_come_after_it(via: str, cdn_loop: str) -> None:
    hops = hops_from_headers(via[:1000], cdn_loop[:1000])
    headers = hops.headers_from(HERE)
    assert all(text.isascii() and text.isprintable() for text in headers.values())
    for name in ("Via", "CDN-Loop"):
        alone = {"Via": None, "CDN-Loop": None, name: headers[name]}
        assert hops_from_headers(alone["Via"], alone["CDN-Loop"]).loop_at(HERE) is Loop.BEEN_HERE
