"""A process of its own, really run."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import pytest
import pytest_twisted
from twisted.internet import reactor as the_reactor

from tiercache.resolving.child import NICER, Children

reactor: Any = the_reactor

_TELLS = "import os; print(os.getcwd(), os.getpgrp() == os.getpid(), os.nice(0), os.environ['WORD'])"


@pytest_twisted.ensureDeferred
async def test_a_child_runs_in_its_folder_by_itself_and_is_no_copy_of_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def copied() -> NoReturn:
        raise AssertionError("while a process is copied nobody is answered")

    monkeypatch.setattr(os, "fork", copied)
    children = Children(reactor=reactor, clock=reactor, most_bytes=1000, deadline_s=60.0)
    environment = {"WORD": "said"}
    ended = await children.run(sys.executable, ["-c", _TELLS], environment, str(tmp_path))
    assert (ended.status, ended.cut) == (0, None)
    nicest = 19
    assert ended.out.decode() == f"{tmp_path} True {min(os.nice(0) + NICER, nicest)} said\n"


@pytest_twisted.ensureDeferred
async def test_a_child_whose_folder_is_gone_ends_and_says_so(tmp_path: Path) -> None:
    children = Children(reactor=reactor, clock=reactor, most_bytes=10_000, deadline_s=60.0)
    ended = await children.run(sys.executable, ["-c", _TELLS], {}, str(tmp_path / "gone"))
    assert ended.status == 1
    assert b"FileNotFoundError" in ended.err
