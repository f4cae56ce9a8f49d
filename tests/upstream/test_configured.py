"""From a configured tier to where it is asked."""

from __future__ import annotations

import pytest

from tiercache.upstream.configured import simple_base


@pytest.mark.parametrize(
    ("url", "kind", "base"),
    [
        ("http://office.example:8141", "parent", "http://office.example:8141/simple/"),
        ("http://office.example:8141/", "parent", "http://office.example:8141/simple/"),
        ("http://office.example/packages/", "parent", "http://office.example/packages/simple/"),
        ("http://office.example:8141/simple", "parent", "http://office.example:8141/simple/"),
        ("https://index.example/", "origin", "https://index.example/simple/"),
        ("https://index.example/simple/", "origin", "https://index.example/simple/"),
        ("https://index.example/whl/cpu", "origin", "https://index.example/whl/cpu/"),
        ("https://index.example/root/+simple/", "origin", "https://index.example/root/+simple/"),
    ],
)
def test_a_url_may_be_the_root_or_the_index_itself(url: str, kind: str, base: str) -> None:
    assert simple_base(url, kind) == base
