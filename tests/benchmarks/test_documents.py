"""Several benchmarks write one page: each its own section."""

from __future__ import annotations

from benchmarks.documents import with_section

PAGE = "# Performance\n\nWords.\n\n## One\n\nold\n\n### Part\n\nold too\n\n## Two\n\nother\n"


def test_a_section_takes_the_place_of_the_one_before() -> None:
    page = with_section(PAGE, "One", "new\n")
    assert page == "# Performance\n\nWords.\n\n## One\n\nnew\n\n## Two\n\nother\n"


def test_a_new_section_goes_to_the_end() -> None:
    assert with_section(PAGE, "Three", "new") == f"{PAGE}\n## Three\n\nnew\n"


def test_the_last_section_is_replaced_too() -> None:
    assert with_section(PAGE, "Two", "new") == PAGE.replace("other", "new")


def test_writing_a_section_again_changes_nothing() -> None:
    once = with_section(PAGE, "One", "new")
    assert with_section(once, "One", "new") == once


def test_a_heading_that_begins_alike_is_another_section() -> None:
    assert with_section("## One more\n\nkept\n", "One", "new") == "## One more\n\nkept\n\n## One\n\nnew\n"
