"""Uploads that go to a tier: whose names may, what the tier says, and what shows here then."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve

from tests.doubles.chain_of_nodes import ChainOfNodes
from tests.doubles.hosting import publish
from tests.doubles.now import result_of
from tests.doubles.publish_target import ScriptedTarget
from tests.doubles.small_node import CONFIG, NO_CACHE, SmallNode, listed, scripted
from tests.doubles.upstream import ScriptedUpstream
from tiercache.config.values import PublishConfig
from tiercache.errors import NotForTier, ProjectAbsent, TierUnreachable
from tiercache.interfaces import FormField, FormFile, TierSaid, UploadForm
from tiercache.policy.hops import hops_from_headers
from tiercache.policy.selection import ProjectRule
from tiercache.publish.arrival import Arrival
from tiercache.publish.form import FilePart
from tiercache.publish.forwarding import Forwarding, form_of
from tiercache.publish.intake import TakenForm
from tiercache.publish.legacy_form import legacy_form
from tiercache.publish.submission import submission_of_filename
from tiercache.simple.names import normalise
from tiercache.storage.memory_files import MemoryFiles

ACME = normalise("acme")
FORM = UploadForm(parts=(FormField(name=":action", value=b"file_upload"),))
ALICE = "Basic YWxpY2U6czNjcmV0"


def a_node(*tiers: ScriptedUpstream, **config: Any) -> tuple[SmallNode, ScriptedTarget, Forwarding]:
    """A node that hands uploads on to `office`."""
    target = ScriptedTarget()
    node = SmallNode(
        upstreams=list(tiers) or [scripted("office"), scripted("public")],
        config=evolve(CONFIG, publish=PublishConfig(to="office"), **config),
        targets=[target],
    )
    forwarding = node.parts.forwarding
    assert forwarding is not None
    return node, target, forwarding


def forwarded(forwarding: Forwarding, project: str = "acme", authorization: str | None = ALICE) -> TierSaid:
    return result_of(forwarding.forward(normalise(project), FORM, authorization=authorization))


def test_node_that_keeps_uploads_forwards_none() -> None:
    assert SmallNode(upstreams=[scripted("office")], targets=[ScriptedTarget()]).parts.forwarding is None


def test_upload_goes_to_the_tier_with_the_credentials_that_came_with_it_and_its_word_comes_back() -> None:
    _, target, forwarding = a_node()
    target.says = TierSaid(status=409, reason="Conflict", text="already exists")
    hops = hops_from_headers("1.1 00000000000000bb", None)
    said = result_of(forwarding.forward(ACME, FORM, authorization=ALICE, hops=hops))
    assert said == target.says
    [sent] = target.sent
    assert (sent.parts, sent.authorization, sent.hops) == (((":action", b"file_upload"),), ALICE, hops)


def test_upload_without_credentials_goes_on_without_any() -> None:
    _, target, forwarding = a_node()
    target.says = TierSaid(status=401, headers={"WWW-Authenticate": "Basic"})
    assert forwarded(forwarding, authorization=None).headers == {"WWW-Authenticate": "Basic"}
    assert target.sent[0].authorization is None


def test_tier_that_does_not_answer_is_unreachable_and_nothing_is_kept() -> None:
    node, target, forwarding = a_node()
    target.silent = "connection refused"
    with pytest.raises(TierUnreachable, match="connection refused"):
        forwarded(forwarding)
    assert list(node.files.all()) == []
    assert list(node.catalogue.hosted_names()) == []


def test_offline_node_forwards_nothing() -> None:
    _, target, forwarding = a_node(offline=True)
    with pytest.raises(TierUnreachable, match="this node is offline"):
        forwarded(forwarding)
    assert target.sent == []


# -- names -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rules", "goes"),
    [
        ((), True),
        ((ProjectRule(match=("acme*",), tiers=("office",)),), True),
        ((ProjectRule(match=("acme*",), tiers=("public",)),), False),
        ((ProjectRule(match=("acme*",), tiers=()),), False),
        ((ProjectRule(match=("other",), tiers=()),), True),
    ],
)
def test_name_goes_only_to_a_tier_that_its_rule_lists(rules: tuple[ProjectRule, ...], goes: bool) -> None:
    _, target, forwarding = a_node(projects=rules)
    if goes:
        assert forwarded(forwarding).is_taken
    else:
        with pytest.raises(NotForTier, match="acme is not to be published to office"):
            forwarded(forwarding)
    assert len(target.sent) == goes


def test_name_that_is_hosted_here_is_not_handed_on() -> None:
    node, target, forwarding = a_node()
    publish(node.parts.hosted, node.files, "acme", "acme-1.0.tar.gz", b"private")
    with pytest.raises(NotForTier):
        forwarded(forwarding)
    assert target.sent == []


def test_name_that_another_node_has_reserved_is_not_handed_on() -> None:
    chain = ChainOfNodes()
    private = chain.node("private")
    laptop = chain.node("laptop", "private", "office", publish=PublishConfig(to="office"))
    chain.node("office")
    private.host("acme", "acme-1.0.tar.gz", b"private")
    laptop.follow()
    forwarding = laptop.parts.forwarding
    assert forwarding is not None
    with pytest.raises(NotForTier):
        result_of(forwarding.forward(ACME, FORM, authorization=None))
    laptop.stop()


# -- what shows here ---------------------------------------------------------------------------------------------


def test_page_that_was_fresh_is_asked_for_again_once_the_tier_has_taken_an_upload() -> None:
    office = scripted("office")
    listed(office, "acme", ("acme-1.0.tar.gz", b"one"))
    node, _, forwarding = a_node(office)
    result_of(node.page("acme"))
    listed(office, "acme", ("acme-1.0.tar.gz", b"one"), ("acme-2.0.tar.gz", b"two"))
    assert len(result_of(node.page("acme")).files) == 1  # still fresh
    forwarded(forwarding)
    assert len(result_of(node.page("acme")).files) == 2


def test_name_that_no_tier_had_is_asked_for_again() -> None:
    office = scripted("office")
    node, _, forwarding = a_node(office)
    with pytest.raises(ProjectAbsent):
        result_of(node.page("acme"))
    listed(office, "acme", ("acme-1.0.tar.gz", b"one"))
    with pytest.raises(ProjectAbsent):
        result_of(node.page("acme"))
    forwarded(forwarding)
    assert len(result_of(node.page("acme")).files) == 1


def test_upload_that_was_refused_makes_nothing_stale() -> None:
    office = scripted("office")
    listed(office, "acme", ("acme-1.0.tar.gz", b"one"))
    node, target, forwarding = a_node(office)
    result_of(node.page("acme"))
    target.says = TierSaid(status=403)
    asked = len(office.asked)
    position = node.catalogue.position()
    forwarded(forwarding)
    result_of(node.page("acme"))
    assert len(office.asked) == asked
    assert node.catalogue.position() == position


def test_those_below_hear_of_it() -> None:
    node, _, forwarding = a_node()
    before = node.catalogue.position().serial
    forwarded(forwarding)
    [change] = node.catalogue.changes(before, 10) or ()
    assert change.project == "acme"


def test_restart_does_not_make_an_outdated_page_fresh() -> None:
    office = scripted("office")
    listed(office, "acme", ("acme-1.0.tar.gz", b"one"))
    node, _, forwarding = a_node(office)
    result_of(node.page("acme", NO_CACHE))
    forwarded(forwarding)
    listed(office, "acme", ("acme-2.0.tar.gz", b"two"))
    again = SmallNode(upstreams=[office], files=node.files, catalogue=node.catalogue)
    assert [file.filename for file in result_of(again.page("acme")).files] == ["acme-2.0.tar.gz"]


# -- forms -------------------------------------------------------------------------------------------------------


def test_form_that_was_taken_goes_on_in_its_order_with_its_file_where_it_was() -> None:
    arrival = Arrival.begin(MemoryFiles(), limit_bytes=100)
    arrival.write(b"bytes of it")
    parts = (
        FormField(name="a", value=b"1"),
        FilePart(name="content", filename="acme-1.0.tar.gz"),
        FilePart(name="gpg_signature", filename="acme-1.0.tar.gz.asc"),
        FormField(name="a", value=b"2"),
    )
    form = form_of(TakenForm(parts=parts, arrival=arrival))
    assert [part.name for part in form.parts] == ["a", "content", "a"]
    file = form.parts[1]
    assert isinstance(file, FormFile)
    assert (file.filename, file.size_bytes, file.read(6, 100)) == ("acme-1.0.tar.gz", 11, b"of it")


METADATA = b"""Metadata-Version: 2.4
Name: Acme.Tools
Version: 1.0
Summary: what it is
Classifier: A :: B
Classifier: C :: D
Keywords: one,two
Project-URL: Home, https://acme.example/
Platform: any
License-File: LICENSE
Requires-Python: >=3.9
Requires-Dist: x

long text
"""


@pytest.mark.parametrize(
    ("filename", "filetype", "python"),
    [("acme_tools-1.0-py3-none-any.whl", "bdist_wheel", "py3"), ("acme_tools-1.0.tar.gz", "sdist", "source")],
)
def test_form_of_a_file_that_came_without_one_is_what_twine_would_fill_in(
    filename: str, filetype: str, python: str
) -> None:
    submission = evolve(submission_of_filename(filename), attestations=json.dumps([]).encode())
    form = legacy_form(
        submission,
        core_metadata=METADATA,
        hashes={"sha256": "a" * 64, "blake2b_256": "b" * 64, "md5": "c" * 32, "sha512": "d"},
        size_bytes=3,
        read=lambda start, size_bytes: b"abc"[start : start + size_bytes],
    )
    fields = [(part.name, part.value.decode()) for part in form.parts if isinstance(part, FormField)]
    assert fields[:10] == [
        (":action", "file_upload"),
        ("protocol_version", "1"),
        ("metadata_version", "2.4"),
        ("name", "Acme.Tools"),
        ("version", "1.0"),
        ("filetype", filetype),
        ("pyversion", python),
        ("sha256_digest", "a" * 64),
        ("blake2_256_digest", "b" * 64),
        ("md5_digest", "c" * 32),
    ]
    assert sorted(fields[10:]) == [
        ("attestations", "[]"),
        ("classifiers", "A :: B"),
        ("classifiers", "C :: D"),
        ("description", "long text\n"),
        ("keywords", "one,two"),
        ("license_file", "LICENSE"),
        ("platform", "any"),
        ("project_urls", "Home, https://acme.example/"),
        ("requires_dist", "x"),
        ("requires_python", ">=3.9"),
        ("summary", "what it is"),
    ]
    file = form.parts[-1]
    assert isinstance(file, FormFile)
    assert (file.name, file.filename, file.read(1, 2)) == ("content", filename, b"bc")


def test_form_of_a_file_whose_metadata_is_not_known_says_what_its_name_says() -> None:
    form = legacy_form(
        submission_of_filename("acme-1.0.tar.gz"),
        core_metadata=None,
        hashes={"sha256": "a" * 64},
        size_bytes=0,
        read=lambda _start, _size_bytes: b"",
    )
    fields = {part.name: part.value for part in form.parts if isinstance(part, FormField)}
    assert (fields["name"], fields["version"], fields["metadata_version"]) == (b"acme", b"1.0", b"2.1")
