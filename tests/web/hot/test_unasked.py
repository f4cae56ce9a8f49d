"""What is at hand although nobody has asked for it: answered at once, as the application would have."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from tests.doubles.hosting import publish
from tests.doubles.now import result_of
from tests.doubles.small_node import CONFIG, listed, sha256, wheel
from tests.prefetch.walking import PIP, metadata, release
from tests.web.hot.test_hot_told import Events, events  # noqa: F401  # the fixture
from tests.web.hot.test_twins import ACCEPTS, ENCODINGS, LARGE, VALIDATORS, etag_in, with_large_page
from tests.web.hot.twins import ACME, ACME_NAME, FILE, NUMPY, NUMPY_NAME, PATHS, SIDECAR, MakeTwins, Twins, head
from tiercache.config import AccessConfig, GrantConfig, Secret, UserConfig
from tiercache.errors import FileRefused
from tiercache.policy.entry import Ask
from tiercache.simple.model import File
from tiercache.simple.names import identity_of, normalise

EVERY_PATH = (*PATHS, FILE, f"/local{FILE}", f"/files/{sha256(ACME)}/{ACME_NAME}")


# -- the same answers ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", EVERY_PATH)
def test_first_answer_is_the_application_s_in_every_encoding_method_and_condition(
    path: str, tmp_path: Path, make_twins: MakeTwins
) -> None:
    twins = make_twins(folder=tmp_path)
    for accept in ACCEPTS:
        for encoding in ENCODINGS:
            fields = {} if accept is None else {"Accept": accept}
            fields |= {} if encoding is None else {"Accept-Encoding": encoding}
            etag = etag_in(twins.stock_answer(head("GET", path, fields)))
            conditions = [validator.format(etag=etag) for validator in VALIDATORS[:3]] if etag else []
            for method in ("GET", "HEAD"):
                for condition in (None, *conditions):
                    more = fields if condition is None else {**fields, "If-None-Match": condition}
                    request = head(method, path, more)
                    twins.cool()
                    before = twins.asked.requests
                    first = twins.hot_answer(request)
                    is_at_hand = twins.asked.requests == before
                    assert first == twins.stock_answer(request)
                    assert is_at_hand is bool(etag), "what is no page of ours is refused by the application"


@pytest.mark.parametrize(
    "range_", ["bytes=3-12", "bytes=0-", "bytes=-1", "bytes=9999999-", "bytes=1-2,5-6", "nonsense"]
)
def test_first_part_of_a_file_is_the_application_s(range_: str, tmp_path: Path, make_twins: MakeTwins) -> None:
    twins = make_twins(folder=tmp_path)
    request = head("GET", FILE, {"Range": range_})
    assert twins.hot_answer(request) == twins.stock_answer(request)


@pytest.mark.parametrize("path", EVERY_PATH)
def test_line_in_the_log_and_counters_are_the_application_s(
    path: str,
    events: Events,  # noqa: F811  # the fixture
    tmp_path: Path,
    make_twins: MakeTwins,
) -> None:
    twins = make_twins(folder=tmp_path)
    stats = twins.node.parts.stats
    for fields in ({}, {"User-Agent": PIP}, {"X-Forwarded-For": "198.51.100.7"}):
        counted = []
        events.clear()
        for answer in (twins.hot_answer, twins.stock_answer):
            before = stats.snapshot()
            twins.cool()
            answer(head("GET", path, fields))
            counted.append({name: value - before[name] for name, value in stats.snapshot().items()})
        assert counted[0] == counted[1]
        assert counted[0]["hits"] == 1
        first, asked = events
        assert first == asked


def test_first_answer_counts_as_use(make_twins: MakeTwins) -> None:
    twins = make_twins()
    usage = twins.node.parts.at_hand._usage
    usage.take_page_times()
    twins.node.clock.advance(50)
    assert twins.is_hot(head("GET", "/simple/numpy/"))
    assert usage.take_page_times() == {"numpy": 50.0}


def test_first_answer_is_ready_for_the_next(make_twins: MakeTwins) -> None:
    twins = make_twins()
    connection = twins.connect()
    connection.send(head("GET", "/simple/numpy/") * 3)
    assert connection.received.count(b"HTTP/1.1 200 OK") == 3
    assert all(b"/simple/numpy/" in hot.ready for hot in twins._paths())
    assert twins.asked.requests == 0


# -- what is at hand ----------------------------------------------------------------------------------------------


def test_page_that_a_start_has_not_read_is_at_hand(make_twins: MakeTwins) -> None:
    twins = make_twins()
    entries = twins.node.parts.entries
    entries._decoded.drop(normalise("numpy"))
    request = head("GET", "/simple/numpy/")
    assert twins.is_hot(request)
    twins.cool()
    assert twins.hot_answer(request) == twins.stock_answer(request)


def test_page_that_cannot_be_read_is_the_application_s_to_ask_for_again(make_twins: MakeTwins) -> None:
    twins = make_twins()
    parts, numpy = twins.node.parts, normalise("numpy")
    result_of(parts.catalogue.store_entry(evolve(parts.catalogue.entry(numpy), body=b"nonsense")))
    parts.entries._decoded.drop(numpy)
    assert not twins.is_hot(head("GET", "/simple/numpy/"))
    assert twins.is_hot(head("GET", "/simple/numpy/"))


def test_page_of_thousands_is_the_application_s_until_it_is_rendered(make_twins: MakeTwins) -> None:
    twins = with_large_page(make_twins)
    assert not twins.is_hot(head("GET", LARGE))
    twins.cool()
    assert twins.is_hot(head("GET", LARGE)), "its rendering is kept"
    assert twins.hot_answer(head("GET", LARGE)) == twins.stock_answer(head("GET", LARGE))


def test_changed_page_is_answered_anew_without_the_application(make_twins: MakeTwins) -> None:
    twins = make_twins()
    request = head("GET", "/simple/acme-tools/")
    before = twins.hot_answer(request)
    parts = twins.node.parts
    publish(parts.hosted, parts.stored_files, "acme-tools", "acme_tools-2.0-py3-none-any.whl", wheel("a", "2.0", b"x"))
    assert twins.is_hot(request)
    assert twins.hot_answer(request) == twins.stock_answer(request) != before


def unstored(twins: Twins, data: bytes, **what: Any) -> File:
    """A listed wheel with its core metadata, of which the node has the page and the metadata."""
    (file,) = listed(twins.public, "tool", ("tool-1.0-py3-none-any.whl", b"a wheel"), core_metadata=True, **what)
    twins.public.sidecars[file.url] = data
    result_of(twins.node.page("tool"))
    with suppress(FileRefused):
        result_of(twins.node.parts.sidecars.sidecar(identity_of(file), file.filename, Ask()))
    return file


def path_of(file: File) -> str:
    return f"/files/{identity_of(file).segment}/{file.filename}.metadata"


@pytest.mark.parametrize("root", ["", "/local"])
def test_core_metadata_of_a_file_that_is_not_stored_is_at_hand(root: str, make_twins: MakeTwins) -> None:
    twins = make_twins()
    path = root + path_of(unstored(twins, metadata("tool", "1.0")))
    for fields in ({}, {"If-None-Match": "*"}):
        request = head("GET", path, fields)
        twins.cool()
        assert twins.is_hot(request)
        twins.cool()
        assert twins.hot_answer(request) == twins.stock_answer(request)


def test_core_metadata_that_sends_its_readers_elsewhere_is_judged_by_the_application(make_twins: MakeTwins) -> None:
    twins = make_twins()
    path = path_of(unstored(twins, metadata("tool", "1.0", "evil @ https://evil.example/x.whl")))
    assert not twins.is_hot(head("GET", path))
    assert b" 403 " in twins.hot_answer(head("GET", path))


def test_core_metadata_is_judged_even_if_no_verdict_on_it_is_kept(make_twins: MakeTwins) -> None:
    twins = make_twins()
    file = unstored(twins, metadata("tool", "1.0", "evil @ https://evil.example/x.whl"))
    result_of(twins.node.parts.catalogue.forget_attachment(identity_of(file), "direct-urls"))
    assert not twins.is_hot(head("GET", path_of(file)))
    assert b" 403 " in twins.hot_answer(head("GET", path_of(file)))


def test_core_metadata_that_no_page_lists_any_more_is_not_at_hand(make_twins: MakeTwins) -> None:
    twins = make_twins()
    path = path_of(unstored(twins, metadata("tool", "1.0")))
    assert twins.is_hot(head("GET", path))
    listed(twins.public, "tool", ("tool-2.0-py3-none-any.whl", b"another"))
    result_of(twins.node.page("tool", Ask(no_cache=True)))
    assert not twins.is_hot(head("GET", path))
    assert twins.hot_answer(head("GET", path)) == twins.stock_answer(head("GET", path))


@pytest.mark.parametrize(
    "path",
    [
        "/simple/",
        "/simple/numpy",
        "/simple/NumPy/",
        "/simple/%6eumpy/",
        "/simple/-numpy/",
        "/simple/numpy--x/",
        "/simple/nothing/",
        "/simple/numpy/?x",
        "/simple//numpy/",
        "/local/nothing/",
        f"{FILE}?x",
        f"{FILE}/",
        f"/files/{'0' * 64}/{NUMPY_NAME}",
        f"/files/{'0' * 64}/{NUMPY_NAME}.metadata",
        f"/files/{sha256(NUMPY).upper()}/{NUMPY_NAME}",
        f"/files/sha256-{sha256(NUMPY)}/{NUMPY_NAME}",
        f"/files/{sha256(NUMPY)}/other-1.0-py3-none-any.whl",
        f"/files/{sha256(NUMPY)}/.{NUMPY_NAME}",
        f"/files/{sha256(NUMPY)}/{'x' * 300}.whl",
        f"/files/{sha256(NUMPY)}/..",
        f"{FILE}.provenance",
        f"{FILE}.metadata.metadata",
        f"/packages/any/n/numpy/{NUMPY_NAME}",
        "/healthz",
    ],
)
def test_what_is_not_at_hand_by_its_plain_path_is_the_application_s(
    path: str, tmp_path: Path, make_twins: MakeTwins
) -> None:
    twins = make_twins(folder=tmp_path)
    assert not twins.is_hot(head("GET", path))
    assert twins.hot_answer(head("GET", path)) == twins.stock_answer(head("GET", path))


def test_version_of_a_local_build_is_found_by_its_escaped_name(tmp_path: Path, make_twins: MakeTwins) -> None:
    twins = make_twins(folder=tmp_path)
    parts, name = twins.node.parts, "acme_tools-1.0+cpu-py3-none-any.whl"
    data = wheel("acme_tools", "1.0+cpu", metadata("acme-tools", "1.0+cpu"))
    publish(parts.hosted, parts.stored_files, "acme-tools", name, data)
    for stated in (name, name.replace("+", "%2B"), name.replace("+", "%2b")):
        request = head("GET", f"/files/{sha256(data)}/{stated}")
        assert twins.is_hot(request)
        twins.cool()
        assert twins.hot_answer(request) == twins.stock_answer(request)


# -- for whom -----------------------------------------------------------------------------------------------------


def granted(projects: tuple[str, ...]) -> AccessConfig:
    return AccessConfig(
        users={"alice": UserConfig(token=Secret("alices-token"))},
        grants=(
            GrantConfig(who=("alice",), may=("read",), projects=("*",)),
            GrantConfig(who=("anyone",), may=("read",), projects=projects),
        ),
    )


def test_only_what_anyone_may_read_is_at_hand(tmp_path: Path, make_twins: MakeTwins) -> None:
    twins = make_twins(folder=tmp_path, config=evolve(CONFIG, access=granted(("numpy",))))
    shown = {"Authorization": "Bearer alices-token"}
    for path in EVERY_PATH:
        for fields in (shown, {}, {"Authorization": "Bearer nobodys"}):
            request = head("GET", path, fields)
            twins.cool()
            assert twins.is_hot(request) is ("numpy" in path)
            twins.cool()
            assert twins.hot_answer(request) == twins.stock_answer(request)


def test_file_whose_name_may_be_that_of_a_private_project_too_is_the_application_s(
    tmp_path: Path, make_twins: MakeTwins
) -> None:
    twins = make_twins(folder=tmp_path, config=evolve(CONFIG, access=granted(("acme-tools",))))
    parts, name = twins.node.parts, "acme-tools-1.0.tar.gz"
    publish(parts.hosted, parts.stored_files, "acme-tools", name, b"an sdist, or what goes for one")
    record = next(one for one in parts.catalogue.files_of(normalise("acme-tools")) if one.listing.filename == name)
    request = head("GET", f"/files/{record.sha256}/{name}")
    assert not twins.is_hot(request)
    assert twins.hot_answer(request) == twins.stock_answer(request)


# -- what is told of it -------------------------------------------------------------------------------------------


def walk(twins: Twins, *, is_hot: bool) -> tuple[list[tuple[str, ...]], dict[str, int], int]:
    """What a resolving client makes the node ask its tier, its counters, and how often the application was asked."""
    files = [
        release(twins.public, "app", "1.0", "lib", "other"),
        release(twins.public, "lib", "1.0", "deep"),
        release(twins.public, "other", "1.0"),
        release(twins.public, "deep", "1.0"),
    ]
    fields = {"User-Agent": PIP, "Accept": "application/vnd.pypi.simple.v1+json"}

    def get(path: str) -> None:
        answer = (twins.hot_answer if is_hot else twins.stock_answer)(head("GET", path, fields))
        assert b" 200 " in answer
        for _ in range(20):
            twins.node.clock.advance(0)

    before = twins.asked.requests
    for file in files:
        get(f"/simple/{file.filename.partition('-')[0]}/")
        get(path_of(file))
    for file in files:
        get(path_of(file).removesuffix(".metadata"))
    stats = twins.node.parts.stats
    return twins.public.asked, stats.snapshot(), twins.asked.requests - before


def test_read_ahead_hears_of_it_as_of_any_other(tmp_path: Path, make_twins: MakeTwins) -> None:
    asked, counted, by_application = walk(make_twins(folder=tmp_path / "hot"), is_hot=True)
    expected, stock, _ = walk(make_twins(folder=tmp_path / "stock"), is_hot=False)
    assert asked == expected
    assert counted == stock
    assert counted["guesses_used"] > 6
    assert by_application == 2, "for the first page, and the first file"


def test_read_ahead_is_not_told_of_what_nodes_ask_for_nor_of_what_is_local(
    tmp_path: Path, make_twins: MakeTwins
) -> None:
    twins = make_twins(folder=tmp_path)
    for path in ("/simple/numpy/", SIDECAR, FILE):
        assert twins.is_hot(head("GET", path, {"User-Agent": PIP, "Via": "1.1 0123456789abcdef (tiercache)"}))
        assert twins.is_hot(head("GET", f"/local{path}".replace("/local/simple", "/local"), {"User-Agent": PIP}))
    assert twins.node.parts.read_ahead._walks == {}
    assert twins.is_hot(head("GET", "/simple/acme-tools/", {"User-Agent": PIP}))
    (client,) = twins.node.parts.read_ahead._walks
    assert (client.address, client.user_agent) == ("192.0.2.7", PIP)


def test_part_of_a_file_and_who_has_it_already_are_no_install(tmp_path: Path, make_twins: MakeTwins) -> None:
    for request in (
        head("GET", FILE, {"Range": "bytes=0-3"}),
        head("HEAD", FILE),
        head("GET", FILE, {"If-None-Match": "*"}),
    ):
        twins = make_twins(folder=tmp_path)
        assert twins.is_hot(request.replace(b"\r\n\r\n", f"\r\nUser-Agent: {PIP}\r\n\r\n".encode()))
        assert twins.node.parts.read_ahead._walks == {}
