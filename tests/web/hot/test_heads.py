"""What header blocks mean, read once for all who send the same."""

from __future__ import annotations

import pytest

from tiercache.web.hot.heads import LONGEST_BLOCK, MOST_CONDITIONAL, Conditions, Heads


@pytest.fixture
def heads() -> Heads:
    return Heads(node_id="here", most_fields=100)


def block(*lines: str) -> bytes:
    return (
        "".join(f"\r\n{line}" for line in ("Host: node.example", "User-Agent: pip/30", *lines)).encode() + b"\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("lines", "conditions"),
    [
        ((), Conditions()),
        (('If-None-Match: "a"',), Conditions(if_none_match='"a"')),
        (('if-none-match:"a", "b" ',), Conditions(if_none_match='"a", "b"')),
        (("Range: bytes=1-2",), Conditions(range="bytes=1-2")),
        (("Range: bytes=1-2", 'If-Range: "a"'), Conditions(range="bytes=1-2", if_range='"a"')),
    ],
)
def test_block_means_the_same_whenever_it_comes(heads: Heads, lines: tuple[str, ...], conditions: Conditions) -> None:
    first, again = heads.read(block(*lines)), heads.read(block(*lines))
    assert first is not None
    assert first == again
    assert first[1] == conditions
    plain = heads.read(block())
    assert plain is not None
    assert plain[0] is first[0], "what is asked for apart from that is the same"


@pytest.mark.parametrize(
    "lines",
    [
        ('If-None-Match: "a"', 'If-None-Match: "b"'),
        ("Range: bytes=1-2", "Range: bytes=3-4"),
        ("If-None-Match: \x7f",),
        ('If-None-Match: "a"', "Cache-Control: no-cache"),
    ],
)
def test_what_is_not_plain_is_refused_each_time(heads: Heads, lines: tuple[str, ...]) -> None:
    assert heads.read(block()) is not None
    assert [heads.read(block(*lines)) for _ in range(3)] == [None] * 3


def test_only_so_many_of_those_that_say_what_a_client_has_are_remembered(heads: Heads) -> None:
    for number in range(3 * MOST_CONDITIONAL):
        read = heads.read(block(f'If-None-Match: "{number}"'))
        assert read is not None
        assert read[1].if_none_match == f'"{number}"'
        assert len(heads._conditional) <= MOST_CONDITIONAL
    assert len(heads._known) == 1
    assert heads.read(block('If-None-Match: "' + "x" * LONGEST_BLOCK + '"')) is None
