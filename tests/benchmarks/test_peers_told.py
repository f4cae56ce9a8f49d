"""Cells, and what is made of them: medians, tables, limits, plots, the section of a page."""

from __future__ import annotations

import json
import math
import re
from operator import attrgetter
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve

from benchmarks.peers import cells
from benchmarks.peers.busy import AT_WORK, IDLE, WITH_WORKERS
from benchmarks.peers.cells import Cell, middle, ratio
from benchmarks.peers.limits import LIMITS, figures
from benchmarks.peers.lineup import NAMES
from benchmarks.peers.plots import PLOTS, bars
from benchmarks.peers.report import PeersReport, memory
from benchmarks.peers.run import SHORT, WHOLE
from benchmarks.peers.tables import as_markdown, three_digits
from benchmarks.peers.warm import page_cases

CASE = "8 KB, JSON, 32 connections"


def page_cell(peer: str, cpu_us: float, wall_us: float | None = None, case: str = CASE, failed: int = 0) -> Cell:
    wall_s = (wall_us or cpu_us) / 1e6
    return Cell(
        group=cells.PAGES, case=case, peer=peer, cpu_s=cpu_us / 1e6, wall_s=wall_s, answered=1000, failed=failed
    )


def report_of(*measured: Cell) -> PeersReport:
    words = {"machine": "a machine", "software": "software", "cores": "cores", "seconds": "2", "rounds": "3"}
    words |= {"warm_rounds": "5"}
    words |= WHOLE.busy.told()
    versions = {"tiercache": "1", "nginx static": "2", "peryx": "3"}
    return PeersReport(circumstances=words, versions=versions, missing={"proxpi": "no index"}, cells=measured)


def test_a_cell_of_several_rounds_has_their_medians() -> None:
    rounds = [page_cell("peryx", cpu_us) for cpu_us in (10, 90, 20)]
    assert middle(rounds).cpu_s == pytest.approx(20e-6)


def test_a_round_that_failed_does_not_count_unless_all_did() -> None:
    failed = Cell(group=cells.PAGES, case=CASE, peer="peryx", note="gone")
    assert middle([failed, page_cell("peryx", 10)]).cpu_s == pytest.approx(10e-6)
    assert middle([failed, failed]) == failed


def test_servers_are_compared_round_by_round() -> None:
    slower_and_slower = middle([page_cell("tiercache", cpu_us) for cpu_us in (10, 20, 30)])
    faster_and_faster = middle([page_cell("nginx static", cpu_us) for cpu_us in (30, 20, 10)])
    assert ratio(slower_and_slower, faster_and_faster, attrgetter("cpu_s")) == pytest.approx(1.0)
    twice = middle([page_cell("nginx static", cpu_us) for cpu_us in (5, 10, 45)])
    assert ratio(slower_and_slower, twice, attrgetter("cpu_s")) == pytest.approx(2.0)
    cpu, _ = figures([slower_and_slower, twice])
    assert cpu.value == pytest.approx(2.0)
    assert "20 (1) | 10 (0.5) |" in as_markdown([slower_and_slower, twice], ["tiercache", "nginx static"])


def test_a_round_in_which_either_failed_is_not_compared() -> None:
    failed = Cell(group=cells.PAGES, case=CASE, peer="peryx", note="gone")
    ours = middle([page_cell("tiercache", 10), page_cell("tiercache", 40)])
    assert ratio(ours, middle([failed, page_cell("peryx", 20)]), attrgetter("cpu_s")) == pytest.approx(2.0)
    assert ratio(ours, failed, attrgetter("cpu_s")) is None


@pytest.mark.parametrize(
    ("value", "shown"), [(12345.0, "12,300"), (1000.0, "1,000"), (123.4, "123"), (12.34, "12.3"), (0.1234, "0.123")]
)
def test_values_are_shown_with_three_digits(value: float, shown: str) -> None:
    assert three_digits(value) == shown


def test_a_table_shows_each_value_with_its_ratio_to_this_node() -> None:
    measured = [page_cell("tiercache", 20), page_cell("nginx static", 10), page_cell("peryx", 300, failed=2)]
    table = as_markdown(measured, ["tiercache", "nginx static", "peryx"])
    assert f"| {CASE} | 20 (1) | 10 (0.5) | 300 (15), 2 failed |" in table
    assert "| | tiercache | nginx static | peryx |" in table


def test_a_table_says_why_a_value_is_not_there() -> None:
    other = "8 KB, HTML, 32 connections"
    measured = [
        page_cell("tiercache", 20),
        page_cell("tiercache", 20, case=other),
        Cell(group=cells.PAGES, case=CASE, peer="pypiserver", note="no JSON"),
        page_cell("pypiserver", 200, case=other),
    ]
    assert f"| {CASE} | 20 (1) | no JSON |" in as_markdown(measured, ["tiercache", "pypiserver"])


def test_a_table_that_nobody_has_values_for_is_left_out() -> None:
    assert as_markdown([], ["tiercache"]) == ""


def test_a_limit_is_judged_by_the_worst_case() -> None:
    gzip = "8 KB, JSON, gzip, 32 connections"
    measured = [
        page_cell("tiercache", 12),
        page_cell("nginx static", 10),
        page_cell("tiercache", 20, case=gzip),
        page_cell("nginx static", 10, case=gzip),
    ]
    cpu, wall = figures(measured)
    assert cpu.what == f"warm pages, CPU against nginx static, at worst: {gzip}"
    assert cpu.value == pytest.approx(2.0)
    assert cpu.limit == pytest.approx(1 / 0.6)
    assert not cpu.is_held
    assert wall.what.startswith("warm pages, time against nginx static")


def test_a_limit_beside_other_servers_tells_what_nginx_has_there() -> None:
    measured = [page_cell("tiercache", 12), page_cell("nginx static", 10), page_cell("peryx", 50)]
    beside = [figure.what for figure in figures(measured) if "against peryx" in figure.what]
    assert beside
    assert all(what.endswith(f"at worst: {CASE} (nginx static: 0.2 ×)") for what in beside)


def test_a_server_that_did_not_answer_is_no_measure() -> None:
    measured = [page_cell("tiercache", 12), Cell(group=cells.PAGES, case=CASE, peer="peryx", note="no JSON")]
    assert list(figures(measured)) == []


def test_memory_start_the_one_fetch_and_a_page_at_work_are_held_to_limits_of_their_own() -> None:
    cold = Cell(group=cells.COLD, case="50 MB, 50 clients", peer="tiercache", tail_s=0.06, answered=50, fetches=1)
    start = Cell(group=cells.STARTS, case="used store", peer="tiercache", wall_s=0.4)
    (peak,) = memory({"tiercache": 151 << 20})
    idle = Cell(group=cells.BUSY, case=IDLE, peer="tiercache", wall_s=0.001, tail_s=0.006, worst_s=0.01)
    at_work = [evolve(idle, case=case) for case in (AT_WORK, IDLE + WITH_WORKERS, AT_WORK + WITH_WORKERS)]
    found = {figure.what: figure.is_held for figure in figures([cold, start, peak, idle, *at_work])}
    assert found == {
        "50 MB, 50 clients: fetches": True,
        "50 MB, 50 clients: last first byte after the index's": False,
        f"8 KB page, 99th percentile beside {AT_WORK}": False,
        f"8 KB page, 99th percentile beside {AT_WORK}{WITH_WORKERS}": False,
        "start to first warm page": True,
        "peak memory of all this": False,
    }


def test_each_limit_names_a_server_of_the_line_up_and_a_case_that_is_measured() -> None:
    pages = [case.name for case in page_cases(WHOLE.sizes, WHOLE.connections, WHOLE.usual_connections)]
    assert len(pages) == len(set(pages))
    for limit in LIMITS:
        assert limit.peer in NAMES
        if limit.group == cells.PAGES:
            assert any(re.fullmatch(limit.cases, case) for case in pages)


def test_pages_are_asked_for_in_every_way_that_the_plan_names() -> None:
    cases = list(page_cases(WHOLE.sizes, WHOLE.connections, WHOLE.usual_connections))
    assert {(case.size, case.syntax, case.packed) for case in cases if not case.revalidates} == {
        (size, syntax, packed) for size in WHOLE.sizes for syntax in ("JSON", "HTML") for packed in (False, True)
    }
    assert {case.connections for case in cases if case.revalidates} == {1, 32, 256}
    assert len(list(page_cases(SHORT.sizes, SHORT.connections, SHORT.usual_connections))) == 6


def test_a_plot_is_well_formed_and_its_bars_are_in_proportion() -> None:
    svg = bars("a & b", {"one <case>": {"x": 50.0, "y": 100.0}}, ["x", "y"], is_log=False)
    root = ET.fromstring(svg)
    lengths = [
        float(bar.attrib["width"])
        for bar in root.iter("{http://www.w3.org/2000/svg}rect")
        if bar.find("{http://www.w3.org/2000/svg}title") is not None
    ]
    assert lengths[1] == pytest.approx(2 * lengths[0])


@pytest.mark.parametrize("values", [(1.0, 1.0), (0.001, 1e6), (10.0, 10.0), (0.5, 0.5), (999.0, 1000.0)])
def test_a_logarithmic_plot_keeps_every_bar_on_the_picture(values: tuple[float, float]) -> None:
    root = ET.fromstring(bars("t", {"case": {"x": values[0], "y": values[1]}}, ["x", "y"], is_log=True))
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert 0 < float(bar.attrib["width"]) <= float(root.attrib["width"])
        assert math.isfinite(float(bar.attrib["width"]))


def test_each_plot_is_of_a_table() -> None:
    assert [plot.table.title for plot in PLOTS] == [plot.title for plot in PLOTS]


def test_a_run_writes_its_section_and_the_plots_that_it_shows(tmp_path: Path) -> None:
    report = report_of(page_cell("tiercache", 20), page_cell("nginx static", 10))
    page = report.written("# Performance\n\n## Other\n\nkept\n", "python -m benchmarks.peers", tmp_path / "plots")
    assert "## Other\n\nkept\n" in page
    assert "python -m benchmarks.peers" in page
    assert "proxpi could not be measured: no index" in page
    assert "![Warm pages, CPU µs a request](plots/pages.svg)" in page
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["pages.svg"]
    assert "installs.svg" not in page


def test_a_report_can_be_saved_as_json() -> None:
    saved = json.loads(json.dumps(report_of(page_cell("tiercache", 20), page_cell("nginx static", 10)).as_json()))
    assert saved["cells"][0]["peer"] == "tiercache"
    assert saved["missing"] == {"proxpi": "no index"}
    assert saved["figures"][0]["limit"] == pytest.approx(1 / 0.6)


def test_a_report_tells_what_a_server_did_while_a_page_was_asked_for() -> None:
    cell = Cell(group=cells.BUSY, case=AT_WORK, peer="tiercache", wall_s=0.0012, tail_s=0.003, meanwhile="nothing much")
    told = report_of(cell).as_markdown()
    assert f"tiercache, {AT_WORK}: meanwhile nothing much." in told
    assert f"| {AT_WORK} | 3 ms (1) |" in told
