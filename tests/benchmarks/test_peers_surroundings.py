"""Cores, processes and environments of the servers that are measured."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from benchmarks.peers.cores import Cores
from benchmarks.peers.environments import CannotBeHad, Program, default_folder
from benchmarks.peers.process_table import ProcessTable


def test_server_and_load_have_different_cores() -> None:
    cores = Cores.of([3, 1, 2], "/usr/bin/taskset")
    assert (cores.server, cores.load) == (1, 3)
    assert cores.serving(["server", "--port", "1"]) == ["taskset", "-c", "1", "server", "--port", "1"]


@pytest.mark.parametrize(("usable", "taskset"), [([0], "/usr/bin/taskset"), ([0, 1], None)])
def test_nothing_is_pinned_where_it_cannot_be(usable: list[int], taskset: str | None) -> None:
    cores = Cores.of(usable, taskset)
    assert cores.serving(["server"]) == ["server"]
    cores.settle_here()
    assert "share" in str(cores)


def _process(table: Path, pid: int, parent: int, ticks: tuple[int, int, int, int], peak_kib: int) -> None:
    folder = table / str(pid)
    folder.mkdir(parents=True)
    fields = ["S", str(parent), *["0"] * 9, *map(str, ticks), "20", "0"]
    (folder / "stat").write_text(f"{pid} (a (strange) name) {' '.join(fields)}\n")
    (folder / "status").write_text(f"Name:\tstrange\nVmHWM:\t  {peak_kib} kB\nVmRSS:\t 1 kB\n")


def test_cpu_and_memory_are_those_of_a_process_and_its_descendants(tmp_path: Path) -> None:
    _process(tmp_path, 10, 1, (100, 50, 3, 2), 1000)
    _process(tmp_path, 11, 10, (10, 5, 0, 0), 200)
    _process(tmp_path, 12, 11, (1, 1, 0, 0), 30)
    _process(tmp_path, 13, 1, (9999, 9999, 0, 0), 99999)  # somebody else's
    (tmp_path / "uptime").write_text("1 1\n")
    table = ProcessTable(tmp_path, 100)
    assert sorted(table.family(10)) == [10, 11, 12]
    assert table.cpu_s(10) == pytest.approx(1.72)
    assert table.peak_bytes(10) == 1230 * 1024


def test_cpu_time_is_finer_than_a_tick_where_the_table_tells_it_of_threads(tmp_path: Path) -> None:
    _process(tmp_path, 10, 1, (0, 1, 0, 0), 0)
    for thread, on_cpu_ns in ((10, 12_000_000), (11, 3_500_000)):
        (tmp_path / "10" / "task" / str(thread)).mkdir(parents=True)
        (tmp_path / "10" / "task" / str(thread) / "schedstat").write_text(f"{on_cpu_ns} 5 1\n")
    assert ProcessTable(tmp_path, 100).cpu_s(10) == pytest.approx(0.0155)


def test_ticks_count_where_threads_have_ended(tmp_path: Path) -> None:
    _process(tmp_path, 10, 1, (30, 20, 0, 0), 0)
    (tmp_path / "10" / "task" / "10").mkdir(parents=True)
    (tmp_path / "10" / "task" / "10" / "schedstat").write_text("12000000 5 1\n")
    assert ProcessTable(tmp_path, 100).cpu_s(10) == pytest.approx(0.5)


def test_a_process_that_has_ended_counts_for_nothing(tmp_path: Path) -> None:
    table = ProcessTable(tmp_path, 100)
    assert table.cpu_s(10) == 0
    assert table.peak_bytes(10) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the table is Linux's")
def test_the_real_table_knows_this_process() -> None:
    assert ProcessTable().peak_bytes(os.getpid()) > 1 << 20


def test_environments_are_kept_in_the_users_cache_folder(tmp_path: Path) -> None:
    assert default_folder({}, tmp_path) == tmp_path / ".cache" / "tiercache" / "peers"
    assert default_folder({"XDG_CACHE_HOME": "/elsewhere"}, tmp_path) == Path("/elsewhere/tiercache/peers")


def test_a_program_of_the_machine_is_used_as_it_is(tmp_path: Path) -> None:
    program = Program.found(tmp_path, "sh", "no-such-package")
    assert program.path.name == "sh"
    assert program.environment == {}
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_was_unpacked_before_is_found_with_its_libraries(tmp_path: Path) -> None:
    unpacked = tmp_path / "tc-no-such-program"
    for place in ("usr/sbin", "usr/lib/x86_64-linux-gnu"):
        (unpacked / place).mkdir(parents=True)
    (unpacked / "usr/sbin/tc-no-such-program").write_text("")
    (unpacked / "holds").write_text("")
    program = Program.found(tmp_path, "tc-no-such-program", "a-package")
    assert program.path == unpacked / "usr/sbin/tc-no-such-program"
    assert program.environment == {"LD_LIBRARY_PATH": str(unpacked / "usr/lib/x86_64-linux-gnu")}


def test_packages_without_the_program_are_told_of(tmp_path: Path) -> None:
    unpacked = tmp_path / "tc-no-such-program"
    unpacked.mkdir()
    (unpacked / "holds").write_text("")
    with pytest.raises(CannotBeHad, match="a-package: no tc-no-such-program in it"):
        Program.found(tmp_path, "tc-no-such-program", "a-package")
