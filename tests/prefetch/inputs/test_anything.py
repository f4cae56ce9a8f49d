"""Whatever is handed in: inputs come out, and what was not taken is told.  Nothing else happens."""

from __future__ import annotations

import json

import msgspec
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.version import Version

from tests.prefetch.inputs.reading import SHA
from tiercache.prefetch.inputs.formats import Format
from tiercache.prefetch.inputs.inputs import Inputs
from tiercache.prefetch.inputs.read import read
from tiercache.prefetch.inputs.text import SHOWN_CHARACTERS, document
from tiercache.simple.names import is_normal
from tiercache.wire.prefetch import Document

NAMES = [*(str(name) for name in Format), "tool.py", "x.lock", "-"]

PIECES = st.sampled_from(
    [
        *[
            "foo",
            "bar==1",
            "[x]",
            ">=",
            "<2",
            ";",
            "os_name=='nt'",
            "extra=='x'",
            " ",
            "  ",
            "\\\n",
            "\n",
            "\r\n",
            "#",
            "\x0c",
        ],
        *[
            "--hash=",
            f"sha256:{SHA['a']}",
            "-r ",
            "-c ",
            "-e ",
            "--index-url ",
            "://",
            "@",
            "git+",
            "./",
            "$",
            "\u2028",
            "é",
        ],
        *[
            "[[package]]",
            "[project]",
            "[metadata]",
            "name = ",
            '"',
            "'",
            '"""',
            "=",
            "{",
            "}",
            "[",
            "]",
            ",",
            "1",
            ".",
            "\t",
        ],
        *["# /// script", "# ///", "# ", "dependencies = ", "version = 1", "\ufeff", "\0", "\ud800"],
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))

KEYS = st.sampled_from(
    [
        *[
            "name",
            "version",
            "package",
            "packages",
            "metadata",
            "lock-version",
            "lock_version",
            "content-hash",
            "created-by",
        ],
        *[
            "source",
            "registry",
            "git",
            "virtual",
            "dependencies",
            "optional-dependencies",
            "dev-dependencies",
            "marker",
        ],
        *[
            "markers",
            "extra",
            "extras",
            "groups",
            "group",
            "optional",
            "files",
            "file",
            "url",
            "path",
            "hash",
            "hashes",
        ],
        *[
            "sha256",
            "size",
            "wheels",
            "sdist",
            "manifest",
            "members",
            "requirements",
            "dependency-groups",
            "default-groups",
        ],
        *[
            "include-group",
            "project",
            "build-system",
            "requires",
            "tool",
            "poetry",
            "dynamic",
            "category",
            "python-versions",
        ],
        *["requires-python", "requires_python", "_meta", "default", "develop", "pipfile-spec", "foo", "all"],
    ]
)
LEAVES = st.one_of(
    st.sampled_from(
        [
            *[
                "foo",
                "bar",
                ".",
                "1",
                "1.0",
                "2.1",
                "4.5",
                "all",
                "main",
                "default",
                "foo==1",
                "foo[x]>1; os_name=='nt'",
                "==",
            ],
            *[
                "os_name == 'nt'",
                "extra == 'x'",
                "'all' in extras",
                "foo-1-py3-none-any.whl",
                "https://x.example/foo-1.tar.gz",
            ],
            *[f"sha256:{SHA['a']}", SHA["a"], "sha256:", ":", "git"],
        ]
    ),
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.sampled_from([0, 1, 6]),
    st.booleans(),
    st.floats(),
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=5),
)
LISTS = st.lists(LEAVES, max_size=2)
TABLES = st.dictionaries(KEYS, LEAVES | LISTS, max_size=3)
TREES = st.dictionaries(KEYS, LEAVES | LISTS | TABLES | st.lists(TABLES, max_size=2), max_size=5)
"""Not recursive, as how deep a document may go is tried by itself, and deep ones take long to make."""

HEADS = {
    Format.PYLOCK: {"lock-version": "1.0", "created-by": "x"},
    Format.UV_LOCK: {"version": 1},
    Format.POETRY_LOCK: {"metadata": {"lock-version": "2.1"}},
    Format.PDM_LOCK: {"metadata": {"lock_version": "4.5"}},
    Format.PIPFILE_LOCK: {"_meta": {"pipfile-spec": 6}},
    Format.PYPROJECT: {},
}
PARTS = st.lists(st.sampled_from(["all", "foo", "dev", "", "é", "\0"]), max_size=2)


def hold(found: Inputs) -> None:
    """What holds of every reading."""
    for line in (*found.requirements, *found.constraints, *found.build_requirements):
        assert line.isprintable()
        assert Requirement(line.split(" --hash=")[0]).url is None
    for release in found.locked:
        assert is_normal(release.project)
        assert str(Version(release.version)) == release.version
        assert release.marker is None or Marker(release.marker)
        assert all(file.filename or file.hashes for file in release.files)
    for told in found.unparseable:
        assert told.reason
        assert len(told.text) <= SHOWN_CHARACTERS
        assert told.text.isprintable()
    msgspec.json.encode(found.unparseable)


@given(name=st.sampled_from(NAMES), text=TEXTS, groups=PARTS, extras=PARTS)
def test_any_text_is_read(name: str, text: str, groups: list[str], extras: list[str]) -> None:
    given_text = Document(name=name, text=text)
    hold(read([given_text], [given_text], groups=groups, extras=extras))


@given(name=st.sampled_from(NAMES), content=st.binary())
def test_any_bytes_are_read(name: str, content: bytes) -> None:
    hold(read([document(name, content)]))


# All kinds in one test: parametrised ones run each example through those before them, under pytest-twisted.
@settings(max_examples=300)
@given(kind=st.sampled_from(list(HEADS)), tree=TREES, entries=st.lists(TREES, max_size=3), groups=PARTS, extras=PARTS)
def test_any_tree_is_read(
    kind: Format, tree: dict[str, object], entries: list[dict[str, object]], groups: list[str], extras: list[str]
) -> None:
    whole = {**tree, **HEADS[kind]}
    if kind is not Format.PYPROJECT:
        whole[{Format.PYLOCK: "packages", Format.PIPFILE_LOCK: "default"}.get(kind, "package")] = (
            {str(number): entry for number, entry in enumerate(entries)} if kind is Format.PIPFILE_LOCK else entries
        )
    text = json.dumps(whole) if kind is Format.PIPFILE_LOCK else tomli_w.dumps(whole)
    hold(read([Document(name=str(kind), text=text)], groups=groups, extras=extras))
