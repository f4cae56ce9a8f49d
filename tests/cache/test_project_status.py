"""Project status (PEP 792) of hosted projects, and what each lets happen."""

from __future__ import annotations

import json

import pytest

from tests.cache.given import FILENAME, SMALL, WHEEL
from tests.cache.test_deleted import nobody_gets
from tests.doubles.hosting import publish
from tests.doubles.now import result_of
from tests.doubles.small_node import ANY, LOCAL, SmallNode, scripted, sha256
from tiercache.errors import ProjectAbsent, ProjectClosed
from tiercache.policy.acts import STATUS
from tiercache.policy.news import PAGE
from tiercache.simple.model import FileIdentity, ProjectStatus
from tiercache.simple.names import identity_of, normalise
from tiercache.simple.render import render_html, render_json

PKG = normalise("pkg")
SDIST = "pkg-1.0.tar.gz"


@pytest.fixture
def node() -> SmallNode:
    node = SmallNode(upstreams=[scripted()])
    publish(node.parts.hosted, node.files, "pkg", SDIST, SMALL)
    publish(node.parts.hosted, node.files, "pkg", FILENAME, WHEEL)
    return node


def set_status(node: SmallNode, status: str, reason: str | None = None, by: str = "") -> bool:
    return result_of(node.parts.hosted.set_status(PKG, status, reason, by=by))


def filenames(node: SmallNode) -> list[str]:
    return [file.filename for file in result_of(node.page("pkg")).files]


@pytest.mark.parametrize("status", ["archived", "deprecated", "quarantined", "active"])
def test_a_status_and_its_reason_are_shown_in_both_syntaxes(node: SmallNode, status: str) -> None:
    assert set_status(node, status, "for <good> reason") is True
    page = result_of(node.page("pkg"))
    assert page.status == ProjectStatus(status=status, reason="for <good> reason")
    shown = json.loads(render_json(page, file_url=lambda file: "x"))
    assert shown["meta"]["api-version"] == "1.4"
    assert shown["project-status"] == {"status": status, "reason": "for <good> reason"}
    text = render_html(page, file_url=lambda file: "x").decode()
    assert f'<meta name="pypi:project-status" content="{status}">' in text
    assert '<meta name="pypi:project-status-reason" content="for &lt;good&gt; reason">' in text
    assert ('href="x#' in text) == bool(shown["files"]) == (status != "quarantined")


def test_a_quarantined_project_gives_no_file_by_any_url_until_it_is_let_out(node: SmallNode) -> None:
    files = result_of(node.page("pkg")).files
    set_status(node, "quarantined")
    assert filenames(node) == []
    assert result_of(node.page("pkg", LOCAL)).files == ()
    for file in files:
        nobody_gets(node, file.filename, identity_of(file))
    assert node.upstreams[0].asked == []
    set_status(node, "active")
    assert result_of(node.page("pkg")).files == files
    assert result_of(node.page("pkg")).status is None
    for file in files:
        assert result_of(node.content(file, LOCAL))
        assert result_of(node.parts.files.open_stored(file.hashes["sha256"])) is not None


def test_a_restart_lets_no_project_out_of_quarantine(node: SmallNode) -> None:
    set_status(node, "quarantined", "malware")
    again = SmallNode(upstreams=[], catalogue=node.catalogue, files=node.files, clock=node.clock)
    nobody_gets(again, SDIST, FileIdentity("sha256", sha256(SMALL)))
    assert result_of(again.page("pkg")).status == ProjectStatus(status="quarantined", reason="malware")


@pytest.mark.parametrize(("status", "takes_files"), [("archived", False), ("quarantined", False), ("deprecated", True)])
def test_an_archived_or_quarantined_project_takes_no_new_files(node: SmallNode, status: str, takes_files: bool) -> None:
    set_status(node, status)
    if takes_files:
        assert publish(node.parts.hosted, node.files, "pkg", "pkg-2.0.tar.gz", b"new") is True
        return
    with pytest.raises(ProjectClosed, match=f"is {status}"):
        publish(node.parts.hosted, node.files, "pkg", "pkg-2.0.tar.gz", b"new")
    assert publish(node.parts.hosted, node.files, "pkg", SDIST, SMALL) is False  # the same again
    set_status(node, "active")
    assert publish(node.parts.hosted, node.files, "pkg", "pkg-2.0.tar.gz", b"new") is True


def test_archived_and_deprecated_projects_offer_their_files(node: SmallNode) -> None:
    for status in ("archived", "deprecated"):
        set_status(node, status)
        assert filenames(node) == [SDIST, FILENAME]
        assert result_of(node.content(result_of(node.page("pkg")).files[0])) == SMALL


def test_a_status_that_a_project_has_changes_nothing(node: SmallNode) -> None:
    assert set_status(node, "active") is False
    assert set_status(node, "archived", "done") is True
    told = node.parts.journal.told.serial
    assert set_status(node, "archived", "done") is False
    assert set_status(node, "archived", "done with it", by="alice") is True
    assert [change.what for change in node.catalogue.changes(told, 10) or ()] == [PAGE]
    last = node.catalogue.acts(PKG, None, 1)[0]
    assert (last.what, last.by, last.detail) == (STATUS, "alice", "archived: done with it")


def test_what_is_not_hosted_has_no_status_to_be_set(node: SmallNode) -> None:
    with pytest.raises(ProjectAbsent):
        result_of(node.parts.hosted.set_status(normalise("other"), "archived"))


def test_a_file_of_a_quarantined_project_can_be_yanked_and_deleted_and_restored(node: SmallNode) -> None:
    set_status(node, "quarantined")
    result_of(node.parts.hosted.yank(PKG, SDIST, "broken"))
    result_of(node.parts.deleted.delete(PKG, filename=FILENAME))
    result_of(node.parts.deleted.restore(PKG))
    assert filenames(node) == []
    set_status(node, "active")
    assert [(file.filename, file.yanked) for file in result_of(node.page("pkg", ANY)).files] == [
        (SDIST, "broken"),
        (FILENAME, False),
    ]
