"""Each example is a configuration that a node of this version can use as it stands, and does all of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tiercache.config import Config, load_config
from tiercache.config.accounts import permissions_of
from tiercache.simple.names import normalise

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
NAMES = ("deploy", "developer", "laptop-roaming", "office", "private-server")
ENVIRON = {
    "HOME": "/home/ann",
    "TIERCACHE_DEPLOY_TOKEN": "a token for the deployment",
    "TIERCACHE_RELEASE_TOKEN": "token-of-the-release-job",
}

ACME, NUMPY = normalise("acme-tools"), normalise("numpy")


def text_of(name: str) -> str:
    return (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")


def loaded(name: str) -> Config:
    # Each file that an example names holds something of its own.
    return load_config(
        text_of(name), source=name, environ=ENVIRON, read_file=lambda path: f"what-is-in-{path}", hostname="machine"
    )


def test_these_are_the_examples() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir()) == [f"{name}.yaml" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_example_has_no_problem_and_says_nothing_that_is_not_done(name: str) -> None:
    assert loaded(name).not_in_force() == ()


@pytest.mark.parametrize("name", NAMES)
def test_example_begins_with_its_purpose_and_each_section_has_a_reason(name: str) -> None:
    lines = text_of(name).splitlines()
    assert len([line for line in lines[:12] if line.startswith("#")]) >= 5
    sections = re.split(r"^(?=[a-z]+:)", text_of(name), flags=re.MULTILINE)[1:]
    plain = [section.partition(":")[0] for section in sections if not re.search(r"^ *# ", section, re.MULTILINE)]
    assert set(plain) <= {"node"}  # with nothing but what the first lines tell
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize("name", ["developer", "laptop-roaming", "office"])
def test_private_names_never_reach_the_public_index(name: str) -> None:
    private, rest = loaded(name).projects
    assert set(private.match) == {"acme", "acme-*"}
    assert "public" not in private.tiers
    assert rest.match == ("*",)


def test_office_shows_private_projects_to_staff_alone() -> None:
    permissions = permissions_of(loaded("office").access)
    assert NUMPY in permissions.read_by_anyone
    assert ACME not in permissions.read_by_anyone
    assert normalise("acme") not in permissions.read_by_anyone


@pytest.mark.parametrize("name", ["private-server", "deploy"])
def test_nothing_is_for_anyone_where_everything_is_private(name: str) -> None:
    assert permissions_of(loaded(name).access).read_by_anyone.is_empty


def test_deployment_never_loses_what_it_has() -> None:
    assert loaded("deploy").store.budget_bytes is None
    assert "/local/" in text_of("deploy")
