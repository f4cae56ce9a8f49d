"""What a start does not do: look through the store, which may hold a hundred thousand files."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.peers.asked import file_url
from tests.doubles.fetching import fetch
from tests.doubles.processes import RunningIndex, RunningNode, wait_until

pytestmark = pytest.mark.slow

PROJECT = "tc-medium"

TELLS_WHAT_IS_LISTED = """\
import os, sys

def listened(event, arguments):
    if event in ("os.listdir", "os.scandir"):
        os.write(told, f"{os.path.abspath(os.fsdecode(arguments[0] or '.'))}\\n".encode())

told = os.open(os.environ["LISTED"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
sys.addaudithook(listened)
"""


def test_start_to_the_first_warm_answers_lists_no_folder_of_stored_files(tmp_path: Path) -> None:
    hook, listed = tmp_path / "hook", tmp_path / "listed"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(TELLS_WHAT_IS_LISTED)
    index = RunningIndex.start(tmp_path / "index")
    settings = {"tiers": [{"name": "public", "kind": "origin", "url": index.simple}]}
    node = RunningNode.prepare(tmp_path / "node", settings)
    try:
        node.wait_until_ready()
        content = fetch(file_url(node.simple, PROJECT)).body
        wait_until(lambda: fetch(f"{node.local}{PROJECT}/").status == 200, what="the file in the store")
        node.terminate()
        node.process.wait()
        node.start_again({**node.environment, "PYTHONPATH": str(hook), "LISTED": str(listed)})
        assert fetch(file_url(node.local, PROJECT)).body == content
    finally:
        node.close()
        index.close()
    folders = {Path(line) for line in listed.read_text().splitlines()}
    of_the_store = {path.relative_to(node.store).as_posix() for path in folders if path.is_relative_to(node.store)}
    # What interrupted fills left, and whether a catalogue that has published nothing has lost what is hosted.
    assert of_the_store == {"partial", "hosted"}
