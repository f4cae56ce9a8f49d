"""Content negotiation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiercache.simple.negotiate import Syntax, choose_encoding, choose_media, negotiate

V1_JSON, V1_HTML = "application/vnd.pypi.simple.v1+json", "application/vnd.pypi.simple.v1+html"
LATEST_JSON, LATEST_HTML = "application/vnd.pypi.simple.latest+json", "application/vnd.pypi.simple.latest+html"
JSON, HTML, LEGACY = Syntax.JSON, Syntax.HTML, Syntax.LEGACY_HTML


@pytest.mark.parametrize(
    ("accept", "syntax"),
    [
        # nothing in particular
        (None, LEGACY),
        ("", LEGACY),
        ("*/*", LEGACY),
        # the clients that there are
        (f"{V1_JSON}, {V1_HTML}; q=0.1, text/html; q=0.01", JSON),  # pip
        (f"{V1_JSON}, {V1_HTML};q=0.2, text/html;q=0.01", JSON),  # uv
        (f"{V1_JSON}, */*;q=0.1", JSON),  # poetry
        (f"{V1_HTML}, text/html; q=0.1", HTML),
        ("text/html", LEGACY),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", LEGACY),  # browsers
        # weights
        (f"{V1_JSON};q=0.1, {V1_HTML};q=0.2", HTML),
        (f"{V1_JSON};q=0.1, text/html;q=0.11", LEGACY),
        (f"{V1_JSON};Q=0.5, text/html;q=0.4", JSON),
        (f"{V1_JSON};q=0", None),
        (f"{V1_JSON};q=0, */*", LEGACY),
        (f"{V1_JSON};q=0.000, text/html;q=0.001", LEGACY),
        ("*/*;q=0", None),
        ("text/html;q=0, */*;q=0.5", JSON),
        # what is named, what a wildcard allows
        (f"{V1_JSON}, text/html", JSON),
        (f"text/html, {V1_JSON}", JSON),
        (f"{V1_HTML}, text/html", HTML),
        (f"{V1_HTML}, */*", HTML),
        ("application/*", JSON),
        ("text/*", LEGACY),
        ("text/*, application/*;q=0.9", LEGACY),
        (f"{V1_JSON};q=0.2, application/*;q=0.8, text/html;q=0.5", HTML),
        (f"application/*, {V1_HTML};q=0, {V1_JSON};q=0", None),
        # other spellings
        (LATEST_JSON, JSON),
        (LATEST_HTML, HTML),
        (V1_JSON.upper(), JSON),
        (f" {V1_JSON} ; charset=utf-8 ; q=0.9 ,, text/html;q=0.1", JSON),
        # nothing that there is
        ("application/vnd.pypi.simple.v2+json", None),
        ("application/json", None),
        ("image/png", None),
        ("application/vnd.pypi.simple.v2+json, text/html;q=0.1", LEGACY),
        # malformed
        (f"{V1_JSON};q=high, text/html;q=0.1", LEGACY),
        (f"{V1_JSON};q=-1, text/html;q=0.1", LEGACY),
        (f"{V1_JSON};q=2, text/html;q=0.1", LEGACY),
        (f"{V1_JSON};q=nan, text/html;q=0.1", LEGACY),
        ("rubbish", LEGACY),
        (";;;,,,===", LEGACY),
        ("*", LEGACY),
        ("*/json", None),
    ],
)
def test_accept_decides_by_weight_then_by_how_exactly_it_names(accept: str | None, syntax: Syntax | None) -> None:
    assert negotiate(accept) is syntax


@pytest.mark.parametrize(
    ("parameter", "syntax"),
    [
        (V1_JSON, JSON),
        (V1_JSON.replace("+", " "), JSON),
        (LATEST_JSON, JSON),
        (V1_HTML, HTML),
        ("text/html", LEGACY),
        ("json", None),
        ("", None),
        ("application/vnd.pypi.simple.v2+json", None),
    ],
)
@pytest.mark.parametrize("accept", [None, V1_JSON, "image/png"])
def test_the_format_parameter_wins(parameter: str, syntax: Syntax | None, accept: str | None) -> None:
    assert negotiate(accept, parameter) is syntax


def test_content_types_tell_the_charset_of_html() -> None:
    assert [syntax.content_type for syntax in Syntax] == [
        V1_JSON,
        f"{V1_HTML}; charset=utf-8",
        "text/html; charset=utf-8",
    ]
    assert [syntax.is_json for syntax in Syntax] == [True, False, False]


@pytest.mark.parametrize(
    ("accept_encoding", "encoding"),
    [
        (None, "identity"),
        ("", "identity"),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("x-gzip", "gzip"),
        ("gzip, deflate, zstd", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("identity", "identity"),
        ("br", "identity"),
        ("*", "gzip"),
        ("*;q=0", "identity"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0, *", "identity"),
        ("gzip;q=0.5, identity", "identity"),
        ("gzip;q=0.5, identity;q=0.4", "gzip"),
        ("gzip, identity", "gzip"),
        ("identity;q=0", "identity"),
        ("gzip;q=x", "identity"),
        ("gzip;q=.", "identity"),
        (",;=", "identity"),
    ],
)
def test_gzip_is_chosen_for_who_takes_it(accept_encoding: str | None, encoding: str) -> None:
    assert choose_encoding(accept_encoding) == encoding


@given(st.text() | st.lists(st.sampled_from([V1_JSON, "*/*", ",", ";", "q=", "0.5", "1", '"', "\\", " "])).map("".join))
def test_no_header_is_too_odd(header: str) -> None:
    assert negotiate(header) in {*Syntax, None}
    assert negotiate(None, header) in {*Syntax, None}
    assert choose_encoding(header) in {"gzip", "identity"}


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "application/json"),
        ("nonsense", "application/json"),
        ("*/*", "application/json"),
        ("text/*", "text/plain"),
        ("text/html, */*", "text/html"),
        ("text/html;q=0.1, text/*;q=0.9", "text/plain"),
        ("application/json;q=0, */*;q=0.1", "text/plain"),
        ("application/json, text/plain", "application/json"),
        ("image/png", "application/json"),
        ("application/json;q=0", "application/json"),
    ],
)
def test_of_what_is_offered_the_client_gets_what_it_likes_best(accept: str | None, chosen: str) -> None:
    assert choose_media(accept, ("application/json", "text/plain", "text/html")) == chosen
