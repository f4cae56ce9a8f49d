"""A release is promoted from a stage to another tier: all of it or nothing, as often as one likes, by who may."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import define, evolve, field

from tests.doubles.hosting import a_file, stored
from tests.doubles.now import result_of
from tests.doubles.publish_target import ScriptedTarget
from tests.doubles.small_node import CONFIG, SmallNode, scripted, sha256
from tests.doubles.uploads import Made, made
from tests.doubles.upstream import ScriptedUpstream
from tiercache.errors import NotForTier, NotPromoted, ProjectAbsent, ReleaseAbsent, TierUnreachable
from tiercache.interfaces import PROVENANCE, Tier, TierSaid
from tiercache.node import assemble
from tiercache.parts import Parts
from tiercache.policy.acts import PROMOTED
from tiercache.policy.selection import ProjectRule
from tiercache.publish.promotion import Promotion
from tiercache.simple.model import File, Page
from tiercache.simple.names import normalise

ACME = normalise("acme-tools")
WHEEL, SDIST, NEXT = made(), made(kind="sdist"), made(version="2.0")
SHOWN = "Basic c2hvd24="


@define
class Stage(SmallNode):
    """A node that hosts a release of two files, and one of another, below a tier that takes uploads."""

    target: ScriptedTarget = field(factory=ScriptedTarget, kw_only=True)

    def _assembled(self) -> Parts:
        return self.begun()

    def begun(self) -> Parts:
        """Its parts, with the target."""
        return assemble(
            self.config,
            files=self.files,
            catalogue=self.catalogue,
            upstreams=self.upstreams,
            clock=self.clock,
            now=self.clock.seconds,
            pool=_at_once,
            publish_targets=[self.target],
        )


async def _at_once(function: Any, /, *args: Any) -> Any:
    return function(*args)


def stage(office: ScriptedUpstream | None = None, **config: Any) -> Stage:
    node = Stage(upstreams=[office or scripted("office"), scripted("public")], config=evolve(CONFIG, **config))
    node.parts = node.begun()
    for archive in (WHEEL, SDIST, NEXT):
        host(node, archive)
    return node


def host(node: SmallNode, archive: Made, attachments: dict[str, bytes] | None = None) -> None:
    stored(node.files, archive.content)
    file = a_file(archive.filename, archive.content)
    result_of(node.parts.hosted.add(ACME, file, by="ci", attachments=attachments, digests={"md5": "0" * 32}))


def promote(node: Stage, version: str = "1.0", tier: str = "office", shown: str | None = SHOWN) -> Promotion:
    return result_of(node.parts.promoter.promote(ACME, version, tier, authorization=shown, by="alice"))


def acts(node: Stage) -> list[tuple[str, str]]:
    return [(act.by, act.detail) for act in node.catalogue.acts(ACME, None, 99) if act.what == PROMOTED]


def has(office: ScriptedUpstream, *archives: Made, **more: Any) -> None:
    files = tuple(
        File(filename=each.filename, url="u", hashes={"sha256": each.sha256, **more}, size=len(each.content))
        for each in archives
    )
    office.pages[ACME] = Page(project=ACME, files=files)


def test_every_file_of_a_release_is_handed_on_with_its_form_wheels_first() -> None:
    node = stage()
    done = promote(node)
    assert done == Promotion(
        project=ACME, version="1.0", tier="office", taken=(WHEEL.filename, SDIST.filename), there=()
    )
    assert [sent.filenames for sent in node.target.sent] == [(WHEEL.filename,), (SDIST.filename,)]
    for sent, archive in zip(node.target.sent, (WHEEL, SDIST), strict=True):
        form = dict(sent.parts)
        assert form["content"] == archive.content
        assert (form[":action"], form["version"], form["sha256_digest"]) == (
            b"file_upload",
            b"1.0",
            archive.sha256.encode(),
        )
        assert form["md5_digest"] == b"0" * 32
        assert form["requires_python"] == b">=3.8"
        assert sent.authorization == SHOWN
    assert acts(node) == [("alice", f"1.0 to office: {WHEEL.filename}, {SDIST.filename}")]


def test_a_version_means_the_same_however_it_is_written_and_nothing_is_shown_that_was_not_given() -> None:
    node = stage()
    promote(node, "2", shown=None)
    (sent,) = node.target.sent
    assert (sent.filenames, sent.authorization) == ((NEXT.filename,), None)


def test_what_the_tier_has_already_is_not_sent_again() -> None:
    office = scripted("office")
    node = stage(office)
    has(office, WHEEL)
    assert promote(node).there == (WHEEL.filename,)
    assert [sent.filenames for sent in node.target.sent] == [(SDIST.filename,)]
    has(office, WHEEL, SDIST)
    assert promote(node).taken == ()
    assert len(node.target.sent) == len(acts(node)) == 1  # nothing was done, and nothing is told


def test_nothing_is_sent_where_the_tier_has_other_bytes_by_one_of_the_names() -> None:
    office = scripted("office")
    node = stage(office)
    has(office, evolve(SDIST, content=b"other bytes"))
    with pytest.raises(NotPromoted, match=f"it has another {SDIST.filename}.*0 of its 2 files"):
        promote(node)
    assert (node.target.sent, acts(node)) == ([], [])


def test_nothing_is_sent_while_the_tier_does_not_answer_or_the_node_is_offline() -> None:
    office = scripted("office", silent="down")
    node = stage(office)
    with pytest.raises(TierUnreachable, match="down"):
        promote(node)
    office.silent = None
    result_of(node.parts.switch.set(True))
    with pytest.raises(TierUnreachable, match="offline"):
        promote(node)
    assert node.target.sent == []


def test_nothing_is_sent_of_a_release_that_is_not_all_here_or_not_for_anybody() -> None:
    for spoil, reason in (
        (lambda node: result_of(node.parts.hosted.yank(ACME, SDIST.filename, "broken")), "is yanked here"),
        (lambda node: result_of(node.parts.hosted.set_status(ACME, "quarantined")), "is quarantined here"),
        (lambda node: node.files.remove(SDIST.sha256), "has lost"),
    ):
        node = stage()
        spoil(node)  # type: ignore[no-untyped-call]  # one of the three
        with pytest.raises(NotPromoted, match=reason):
            promote(node)
        assert node.target.sent == []


def test_what_is_not_there_is_absent() -> None:
    node = stage()
    with pytest.raises(ReleaseAbsent):
        promote(node, "3.0")
    with pytest.raises(ProjectAbsent):
        result_of(node.parts.promoter.promote(normalise("other"), "1.0", "office", authorization=None, by=""))
    result_of(node.parts.deleted.delete(ACME, version="1.0"))
    with pytest.raises(ReleaseAbsent):
        promote(node)


def test_a_tier_that_takes_no_uploads_or_that_the_rules_exclude_gets_nothing() -> None:
    node = stage()
    for tier in ("public", "nowhere"):
        with pytest.raises(NotForTier):
            promote(node, tier=tier)
    private = stage(projects=(ProjectRule(match=("acme-*",), tiers=("public",)),))
    with pytest.raises(NotForTier):
        promote(private)
    opened = stage(projects=(ProjectRule(match=("acme-*",), tiers=("office",)),))
    assert len(promote(opened).taken) == 2
    assert node.target.sent == private.target.sent == []


def test_a_promotion_that_broke_off_says_how_far_it_came_and_is_ended_by_asking_again() -> None:
    office = scripted("office")
    node = stage(office)

    @define(eq=False)
    class SaysNoToSdists(ScriptedTarget):
        async def send(self, form: Any, authorization: str | None, hops: Any) -> TierSaid:
            said = await super().send(form, authorization, hops)
            if self.sent[-1].filenames[0].endswith(".gz"):
                return TierSaid(status=403, reason="Forbidden", text="not\nyours")
            return said

    node.target = SaysNoToSdists(tier=Tier(name="office", kind="parent"))
    node.parts = node.begun()
    expected = f"it refused {SDIST.filename}: 403 Forbidden"
    with pytest.raises(NotPromoted, match=f"{expected} .not yours.*1 of its 2 files are there"):
        promote(node)
    assert acts(node) == [("alice", f"1.0 to office: {WHEEL.filename}; then {expected} (not yours)")]
    has(office, WHEEL)
    node.target = ScriptedTarget()
    node.parts = node.begun()
    assert (promote(node).taken, node.target.sent[0].filenames) == ((SDIST.filename,), (SDIST.filename,))


def test_a_tier_that_breaks_off_may_have_the_file_or_not() -> None:
    node = stage()
    node.target.silent = "it hung up"
    with pytest.raises(NotPromoted, match=r"may not have come there: it hung up.*0 of its 2 files"):
        promote(node)
    assert acts(node) == []


def test_attestations_go_along() -> None:
    node = Stage(upstreams=[scripted("office")])
    node.parts = node.begun()
    attestations = [{"version": 1, "envelope": {}}, {"version": 1}]
    provenance = {"version": 1, "attestation_bundles": [{"publisher": {}, "attestations": attestations}]}
    host(node, WHEEL, {PROVENANCE: json.dumps(provenance).encode()})
    promote(node)
    assert json.loads(dict(node.target.sent[0].parts)["attestations"]) == attestations


def test_what_is_promoted_is_not_read_as_something_else_when_it_is_no_archive() -> None:
    node = Stage(upstreams=[scripted("office")])
    node.parts = node.begun()
    content = b"no archive"
    stored(node.files, content)
    result_of(node.parts.hosted.add(ACME, a_file("acme_tools-1.0.tar.gz", content)))
    with pytest.raises(NotPromoted, match="no distribution archive"):
        promote(node)
    assert node.target.sent == []
    assert sha256(content) in dict(node.files.all())
