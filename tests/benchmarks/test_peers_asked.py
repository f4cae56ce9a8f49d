"""What a server answers is looked at before it is put under load."""

from __future__ import annotations

import json

import pytest

from benchmarks.peers.asked import unlike, validator, wheel_on
from benchmarks.peers.load import Load
from tests.doubles.fetching import Answer

JSON = {"content-type": "application/vnd.pypi.simple.v1+json"}
HTML = {"content-type": "text/html"}


def test_the_wheel_is_found_on_a_json_page() -> None:
    files = [{"url": "a-1.tar.gz"}, {"url": "../../files/ab/a-1-py3-none-any.whl#sha256=ab"}]
    page = Answer(status=200, headers=JSON, body=json.dumps({"files": files}).encode())
    assert wheel_on(page) == "../../files/ab/a-1-py3-none-any.whl"


def test_the_wheel_is_found_on_an_html_page() -> None:
    body = b'<a href="/packages/a-1.tar.gz">a</a><a href="/packages/a-1-py3-none-any.whl#sha256=ab">a</a>'
    assert wheel_on(Answer(status=200, headers=HTML, body=body)) == "/packages/a-1-py3-none-any.whl"


@pytest.mark.parametrize(
    ("status", "headers", "syntax", "packed", "said"),
    [
        (200, JSON, "JSON", False, ""),
        (200, HTML, "HTML", False, ""),
        (200, HTML, "JSON", False, "no JSON"),
        (200, JSON, "HTML", False, "no HTML"),
        (200, JSON, "JSON", True, "no gzip"),
        (200, {**JSON, "content-encoding": "gzip"}, "JSON", True, ""),
        (503, {}, "JSON", False, "answers 503"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_told(
    status: int, headers: dict[str, str], syntax: str, packed: bool, said: str
) -> None:
    assert unlike(Answer(status=status, headers=headers, body=b""), syntax, packed) == said


def test_the_strongest_validator_is_asked_by() -> None:
    both = Answer(status=200, headers={"etag": '"a"', "last-modified": "a day"}, body=b"")
    assert validator(both) == {"If-None-Match": '"a"'}
    assert validator(Answer(status=200, headers={"last-modified": "a day"}, body=b"")) == {"If-Modified-Since": "a day"}
    assert validator(Answer(status=200, headers={}, body=b"")) == {}


def test_the_figures_of_a_load_are_read_from_what_wrk_says() -> None:
    said = 'Running 1s test\nmeasured: {"took_us": 2000000, "answered": 10, "bytes": 9, "failed": 1, "tail_us": 500}\n'
    assert Load.told(said) == Load(answered=10, failed=1, took_s=2.0, tail_s=0.0005)


def test_a_load_that_told_nothing_is_no_load() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        Load.told("unable to connect to 127.0.0.1:1")
