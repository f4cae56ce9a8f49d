"""`.ci/phases.sh`, which says what the time of a script was spent on."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BEGINNING = f"set -eu\n. {ROOT}/.ci/phases.sh\n"


def run(tmp_path: Path, script: str, shell: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "script").write_text(BEGINNING + script)
    environment = {name: value for name, value in os.environ.items() if name != "TIERCACHE_PHASES"}
    environment["TMPDIR"] = str(tmp_path / "tmp")
    (tmp_path / "tmp").mkdir()
    return subprocess.run([shell, "script"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def told(run: subprocess.CompletedProcess[str]) -> list[str]:
    """What stands beside the seconds, in the lines after the heading."""
    lines = run.stdout.partition("The time was spent on:\n")[2].splitlines()
    found = [re.fullmatch(r" *\d+ s  (.+)", line) for line in lines]
    assert None not in found, lines
    return [match[1] for match in found if match]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_each_phase_is_told_at_the_end_in_order(tmp_path: Path, shell: str) -> None:
    ended = run(tmp_path, "phase form echo formed\nphase 'the tests' true\n", shell)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("formed\n")
    assert told(ended) == ["form", "the tests", "in all"]
    assert not any((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_phase_that_fails_ends_the_script_with_its_status_and_is_told(tmp_path: Path, shell: str) -> None:
    ended = run(tmp_path, "phase form sh -c 'exit 7'\nphase 'the tests' true\n", shell)
    assert ended.returncode == 7
    assert told(ended) == ["form (status 7)", "in all"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_status_of_a_phase_can_be_borne(tmp_path: Path, shell: str) -> None:
    ended = run(tmp_path, "status=0\nphase figures sh -c 'exit 3' || status=$?\necho borne $status\n", shell)
    assert (ended.returncode, ended.stdout.partition("\n")[0]) == (0, "borne 3")
    assert told(ended) == ["figures (status 3)", "in all"]


@pytest.mark.parametrize("ending", ["true", "exit 7"])
def test_scratch_folder_is_gone_however_the_script_ends(tmp_path: Path, ending: str) -> None:
    run(tmp_path, f"scratch={tmp_path}/scratch\nmkdir -p $scratch/more\n{ending}\n", "sh")
    assert not (tmp_path / "scratch").exists()


def test_phases_of_a_script_that_is_called_are_told_by_its_caller_alone(tmp_path: Path) -> None:
    (tmp_path / "called").write_text(f"{BEGINNING}phase inner true\n")
    ended = run(tmp_path, "phase outer true\nsh called\nphase last true\n", "bash")
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.count("The time was spent on:") == 1
    assert told(ended) == ["outer", "inner", "last", "in all"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_phase_beside_goes_on_with_the_script_and_is_shown_when_joined(tmp_path: Path, shell: str) -> None:
    """Neither ends without the other: each opens a pipe that the other writes to or reads."""
    script = """
        mkfifo there back
        beside waiting sh -c 'echo waited; cat there; echo from beside > back'
        phase asking sh -c 'echo from the script > there; cat back'
        joined
    """
    ended = run(tmp_path, script, shell)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[:3] == ["from beside", "waited", "from the script"]
    assert sorted(told(ended)) == ["asking", "in all", "waiting"]
    assert not any((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_status_of_a_phase_beside_is_that_of_joining_it(tmp_path: Path, shell: str) -> None:
    ended = run(tmp_path, "beside waiting sh -c 'exit 7'\nphase 'the tests' true\njoined\necho unheard\n", shell)
    assert ended.returncode == 7
    assert "unheard" not in ended.stdout
    assert sorted(told(ended)) == ["in all", "the tests", "waiting (status 7)"]


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_script_that_fails_ends_what_goes_on_beside_it(tmp_path: Path, shell: str) -> None:
    script = """
        mkfifo there
        beside waiting sh -c 'echo begun > there; exec sleep 600'
        phase failing sh -c 'cat there; exit 3'
    """
    ended = run(tmp_path, script, shell)
    assert ended.returncode == 3
    assert ended.stdout.startswith("begun\n")
    assert sorted(told(ended)) == ["failing (status 3)", "in all", "waiting (status 143)"]
    assert not any((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_script_that_is_told_to_end_ends_what_goes_on_beside_it(tmp_path: Path, shell: str) -> None:
    """What runs in the background of a shell does not hear the keyboard by itself."""
    script = """
        mkfifo there
        beside waiting sh -c 'echo begun > there; exec sleep 600'
        phase ending sh -c 'cat there; kill -TERM $PPID'
    """
    ended = run(tmp_path, script, shell)
    assert ended.returncode == 143
    assert sorted(told(ended)) == ["in all", "waiting (status 143)"]
