"""The fake index is a package index.  That clients install from it is shown in `test_applications`."""

from __future__ import annotations

import json
from urllib.parse import urljoin

from tests.acceptance.conftest import IndexStarter
from tests.doubles.fetching import assert_whole, fetch
from tests.doubles.link import Link
from tests.doubles.listings import JSON_TYPE, file_path
from tests.doubles.universe import Universe, wheel_names
from tiercache.simple.names import normalise
from tiercache.simple.parse import parse_page


def test_the_universe_has_sixty_projects(universe: Universe) -> None:
    assert len(universe.projects) >= 60


def test_the_html_variant_tells_no_more_than_an_old_mirror_does(fake_index: IndexStarter) -> None:
    index = fake_index("html")

    page = fetch(f"{index.simple}tc-vivid/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})

    assert page.headers["content-type"].startswith("text/html")
    assert "etag" not in page.headers
    assert b"metadata" not in page.body


def test_orders_to_misbehave_are_obeyed_as_often_as_they_say(fake_index: IndexStarter) -> None:
    index = fake_index("json")
    index.behave(
        {"do": "status", "value": 429, "headers": {"Retry-After": "7"}, "match": "/simple/tc-vivid/", "times": 1}
    )

    first = fetch(f"{index.simple}tc-vivid/")

    assert (first.status, first.headers["retry-after"]) == (429, "7")
    assert fetch(f"{index.simple}tc-vivid/").status == 200
    assert [line["status"] for line in index.requests("tc-vivid")] == [429, 200]


def test_pages_of_so_many_files_are_there_on_wish_and_need_not_name_the_host(fake_index: IndexStarter) -> None:
    index = fake_index("json", listed_files=(2, 5), rooted=1)

    for count in (2, 5):
        page = fetch(f"{index.simple}tc-listed-{count}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        urls = [file["url"] for file in json.loads(page.body)["files"]]
        assert len(urls) == count
        assert all(url.startswith("/files/") for url in urls)
    assert fetch(index.url.rstrip("/") + urls[0]).status == 200


def test_a_page_is_renewed_on_wish_and_every_second_time_in_html(fake_index: IndexStarter) -> None:
    index = fake_index("json")
    index.behave({"do": "renewed", "match": "/simple/tc-vivid/", "value": 1})
    answers = [fetch(f"{index.simple}tc-vivid/", headers={"Accept": JSON_TYPE}) for _ in range(4)]
    assert len({answer.headers["etag"] for answer in answers}) == 4
    for number, answer in enumerate(answers, 1):
        content_type, url = answer.headers["content-type"], f"{index.simple}tc-vivid/"
        page = parse_page(answer.body, content_type, url, normalise("tc-vivid")).page
        assert f"tc_vivid-9999.{number}-py3-none-any.whl" in [file.filename for file in page.files]
        assert len(page.files) == 5
        assert ("json" in content_type) == (number % 2 == 0)


def test_wheels_are_there_on_wish_each_of_a_project_of_its_own(fake_index: IndexStarter) -> None:
    index = fake_index("json", wheels=2)

    for name in wheel_names(2):
        page = fetch(f"{index.simple}{name}/", headers={"Accept": "application/vnd.pypi.simple.v1+json"})
        (file,) = json.loads(page.body)["files"]
        assert len(fetch(file["url"]).body) == file["size"]
    assert fetch(f"{index.simple}{wheel_names(3)[-1]}/").status == 404


def test_whole_files_come_through_a_bounded_link(fake_index: IndexStarter, universe: Universe) -> None:
    index = fake_index("json")
    index.behave(bandwidth_bytes=10_000_000)
    wheel = universe.wheel("tc-medium", "1.0")

    assert_whole(fetch(urljoin(index.url, file_path(wheel))), wheel.path)


def test_a_bounded_link_carries_one_piece_after_the_other() -> None:
    link = Link(bandwidth_bytes=1000)

    assert link.carried_at(500, now=10.0) == 10.5
    assert link.carried_at(500, now=10.0) == 11.0  # behind the first
    assert link.carried_at(500, now=20.0) == 20.5  # what was not used before is gone
    assert Link().carried_at(500, now=10.0) == 10.0
