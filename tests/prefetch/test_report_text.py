"""The report of a prefetch for people."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from tiercache.prefetch.report_text import as_html, as_text, size
from tiercache.wire.prefetch import Missing, Report, ReportedFile, Target, TargetReport, Unparseable

EVIL = '<script>alert("x")</script>'
LINUX = Target(python="3.12", platform="linux")
READY = Report(
    ready=True,
    targets=(TargetReport(target=None, ready=True),),
    files=(
        ReportedFile(
            project="numpy",
            version="2.0",
            filename="numpy-2.0.whl",
            size=2048,
            stored=True,
            licence="BSD-3-Clause",
            yanked="broken",
        ),
    ),
    total_bytes=2048,
    stored_bytes=2048,
)
NOT_READY = Report(
    ready=False,
    targets=(
        TargetReport(
            target=LINUX, ready=False, missing=(Missing(what=EVIL, why="it is not in the store"),), words=f"No\n{EVIL}"
        ),
    ),
    files=(ReportedFile(project="x", version="1", filename=EVIL, licence=EVIL, yanked="yanked"),),
    unparseable=(
        Unparseable(document="requirements.txt", text=EVIL, reason="an option", line=3),
        Unparseable(document="uv.lock", text="x", reason="no index"),
    ),
)


class Tags(HTMLParser):
    """Every element that begins, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.begun: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.begun.append(tag)
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_what_is_not_as_it_was_wanted_is_told_although_it_is_ready() -> None:
    instead = (Missing(what="numpy-2.0.whl", why="numpy 1.0 is found here instead"),)
    report = Report(ready=True, targets=(TargetReport(target=LINUX, ready=True, instead=instead),))
    assert "  not as wanted: numpy-2.0.whl: numpy 1.0 is found here instead\n" in as_text(report)
    assert "<li><b>numpy-2.0.whl</b>: numpy 1.0 is found here instead</li>" in as_html(report)


def test_text_says_first_whether_one_is_ready() -> None:
    assert as_text(READY).splitlines() == [
        "Ready offline: yes",
        "1 file, 2.0 KiB; 1 of them, 2.0 KiB, are in the store.",
        "",
        "Every environment: ready",
        "",
        "Files:",
        "  numpy-2.0.whl (in the store, 2.0 KiB, BSD-3-Clause, yanked: broken)",
    ]


def test_text_says_what_is_missing_and_why_per_environment() -> None:
    text = as_text(NOT_READY)
    assert text.startswith("Ready offline: no\n1 file, 0 bytes; 0 of them, 0 bytes, are in the store.\n")
    assert f"Python 3.12 on linux: not ready\n  missing: {EVIL}: it is not in the store\n  No\n  {EVIL}\n" in text
    assert f"Not taken:\n  requirements.txt, line 3: {EVIL}: an option\n  uv.lock: x: no index\n" in text
    assert text.endswith(f"  {EVIL} (missing, {EVIL}, yanked)\n")


def test_page_is_whole_and_says_the_same() -> None:
    for report in (READY, NOT_READY):
        tags = Tags()
        tags.feed(as_html(report))
        assert tags.open == []
        assert {"html", "title", "h1", "table"} <= set(tags.begun)
        assert f"Ready offline: {'yes' if report.ready else 'no'}" in tags.text
    assert "numpy-2.0.whl" in as_html(READY)
    assert "BSD-3-Clause" in as_html(READY)


def test_what_came_from_outside_is_no_markup() -> None:
    tags = Tags()
    tags.feed(as_html(NOT_READY))
    assert "script" not in tags.begun
    assert tags.text.count(EVIL) == 5


def test_an_empty_report_has_no_tables() -> None:
    tags = Tags()
    tags.feed(as_html(Report(ready=False)))
    assert "table" not in tags.begun
    assert as_text(Report(ready=False)).count("\n") == 2


@pytest.mark.parametrize(
    ("number", "words"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (5 << 20, "5.0 MiB"), (3 << 50, "3072.0 TiB")],
)
def test_sizes_carry_units(number: int, words: str) -> None:
    assert size(number) == words
