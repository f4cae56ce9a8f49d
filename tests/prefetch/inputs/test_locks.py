"""Locks: what each format says, and what all of them have in common."""

from __future__ import annotations

import pytest

from tests.prefetch.inputs.reading import SHA, markers, names, only, pipfile_lock, reading, reasons
from tiercache.prefetch.inputs.inputs import LockedFile, LockedRelease
from tiercache.prefetch.inputs.read import read
from tiercache.simple.names import normalise
from tiercache.wire.prefetch import Document

PYLOCK = 'lock-version = "1.0"\ncreated-by = "a test"\n'
POETRY = '[metadata]\nlock-version = "2.1"\npython-versions = ">=3.9"\ncontent-hash = "x"\n'
PDM = '[metadata]\ngroups = ["default", "dev"]\nlock_version = "4.5.1"\ncontent_hash = "sha256:x"\n'

WHEEL = 'url = "https://files.example/x/foo-1.0-py3-none-any.whl", size = 5'
HASH = f'hash = "sha256:{SHA["a"]}"'
HASHES = f'hashes = {{sha256 = "{SHA["a"]}"}}'
FILE = LockedFile(filename="foo-1.0-py3-none-any.whl", hashes={"sha256": SHA["a"]})

ONE_RELEASE = {
    "pylock.toml": f'{PYLOCK}[[packages]]\nname = "foo"\nversion = "1.0"\nwheels = [{{{WHEEL}, {HASHES}}}]\n',
    "uv.lock": (
        'version = 1\n[[package]]\nname = "app"\nsource = {virtual = "."}\ndependencies = [{name = "foo"}]\n'
        f'[[package]]\nname = "foo"\nversion = "1.0"\nsource = {{registry = "https://index.example/simple"}}\n'
        f"wheels = [{{{WHEEL}, {HASH}}}]\n"
    ),
    "poetry.lock": (
        '[[package]]\nname = "foo"\nversion = "1.0"\noptional = false\npython-versions = "*"\ngroups = ["main"]\n'
        f'files = [{{file = "foo-1.0-py3-none-any.whl", {HASH}}}]\n{POETRY}'
    ),
    "pdm.lock": (
        f'{PDM}[[package]]\nname = "foo"\nversion = "1.0"\ngroups = ["default"]\n'
        f'files = [{{file = "foo-1.0-py3-none-any.whl", {HASH}}}]\n'
    ),
    "Pipfile.lock": pipfile_lock({"foo": {"version": "==1.0", "hashes": [f"sha256:{SHA['a']}"], "index": "x"}}),
}


@pytest.mark.parametrize("name", ONE_RELEASE)
def test_a_release_is_taken_with_its_files_and_nothing_is_resolved(name: str) -> None:
    release = only(reading(ONE_RELEASE[name], name))
    assert (release.project, release.version, release.marker, release.requires_python) == ("foo", "1.0", None, None)
    (file,) = release.files
    assert file.hashes == FILE.hashes
    assert file.filename == (None if name == "Pipfile.lock" else FILE.filename)


@pytest.mark.parametrize("name", ONE_RELEASE)
def test_of_a_foreign_url_only_the_name_of_the_file_is_kept(name: str) -> None:
    assert "example" not in repr(reading(ONE_RELEASE[name], name))


@pytest.mark.parametrize("name", ONE_RELEASE)
def test_a_lock_without_digests_names_its_releases_all_the_same(name: str) -> None:
    text = ONE_RELEASE[name].replace(f", {HASH}", "").replace(f", {HASHES}", "").replace(f'"sha256:{SHA["a"]}"', "")
    assert SHA["a"] not in text
    release = only(reading(text, name))
    assert [(file.filename, file.hashes) for file in release.files] == (
        [] if name == "Pipfile.lock" else [(FILE.filename, {})]
    )


def test_a_release_that_is_none_by_its_format_is_told_and_the_others_are_taken() -> None:
    wrong = '[[packages]]\nname = "Bar"\nversion = "1"\n[[packages]]\nname = "baz"\n[[packages]]\nversion = "1"\n'
    found = reading(ONE_RELEASE["pylock.toml"] + wrong, "pylock.toml")
    assert names(found) == ["foo==1.0"]
    assert [text for text, _ in reasons(found)] == ["Bar", "baz", "a release without a name"]


def test_digests_of_a_pylock_that_are_an_empty_table_are_none() -> None:
    text = (
        ONE_RELEASE["pylock.toml"].replace(HASHES, "hashes = {}") + f'sdist = {{path = "foo-1.0.tar.gz", {HASHES}}}\n'
    )
    assert [(file.filename, file.hashes) for file in only(reading(text, "pylock.toml")).files] == [
        (FILE.filename, {}),
        ("foo-1.0.tar.gz", FILE.hashes),
    ]


@pytest.mark.parametrize("name", ONE_RELEASE)
@pytest.mark.parametrize("digest", ["a" * 63, "g" * 64, "a" * 65])
def test_a_digest_that_is_malformed_is_no_reason_to_take_any_file(name: str, digest: str) -> None:
    found = reading(ONE_RELEASE[name].replace(SHA["a"], digest), name)
    assert found.locked == ()
    ((text, reason),) = reasons(found)
    assert (text, "digest" in reason) == ("foo", True)


@pytest.mark.parametrize("name", ["uv.lock", "poetry.lock", "pdm.lock", "pylock.toml"])
@pytest.mark.parametrize("filename", ["bar-1.0-py3-none-any.whl", "foo-1.0\\u0000-py3-none-any.whl", ".foo-1.0.whl"])
def test_a_file_of_another_project_or_with_no_name_for_a_file_is_not_taken(name: str, filename: str) -> None:
    found = reading(ONE_RELEASE[name].replace("foo-1.0-py3-none-any.whl", filename), name)
    assert found.locked == ()
    assert [text for text, _ in reasons(found)] == ["foo"]


OTHER_VERSIONS = {
    "pylock.toml": ('lock-version = "1.0"', ['lock-version = "2.0"', 'lock-version = "x"', "lock-version = 1"]),
    "uv.lock": ("version = 1\n", ["version = 2\n", 'version = "1"\n', "version = true\n", ""]),
    "poetry.lock": ('lock-version = "2.1"', ['lock-version = "3.0"', "lock-version = 2.1", 'lock-version = ""']),
    "pdm.lock": ('lock_version = "4.5.1"', ['lock_version = "5.0"', "lock_version = 4", ""]),
    "Pipfile.lock": ('"pipfile-spec": 6', ['"pipfile-spec": 7', '"pipfile-spec": "6"', '"pipfile-spec": null']),
}


@pytest.mark.parametrize(
    ("name", "other"), [(name, other) for name, (_, all_) in OTHER_VERSIONS.items() for other in all_]
)
def test_a_lock_of_another_version_is_told_as_a_whole(name: str, other: str) -> None:
    text = ONE_RELEASE[name].replace(OTHER_VERSIONS[name][0], other, 1)
    found = reading(text, name)
    assert found.locked == ()
    ((told, reason),) = reasons(found)
    assert told == name
    assert "version" in reason or "PEP 751" in reason


def test_a_later_minor_version_of_a_lock_is_read() -> None:
    text = ONE_RELEASE["pylock.toml"].replace('"1.0"', '"1.9"', 1)
    assert names(reading(text, "pylock.toml")) == ["foo==1.0"]


FROM_ELSEWHERE = {
    "pylock.toml": [
        '[[packages]]\nname = "far"\nvcs = {type = "git", url = "https://vcs.example/far", commit-id = "abc"}\n',
        '[[packages]]\nname = "far"\ndirectory = {path = ".", editable = true}\n',
        f'[[packages]]\nname = "far"\narchive = {{url = "https://x.example/far.zip", {HASHES}}}\n',
    ],
    "uv.lock": [
        f'[[package]]\nname = "far"\nversion = "1"\nsource = {{ {source} }}\n'
        for source in (
            'git = "https://vcs.example/far?rev=1#abc"',
            'url = "https://x.example/far.zip"',
            'path = "far.whl"',
            'directory = "../far"',
            'editable = "../far"',
        )
    ],
    "poetry.lock": [
        '[[package]]\nname = "far"\nversion = "1"\noptional = false\npython-versions = "*"\n'
        'groups = ["main"]\nfiles = []\n'
        f'[package.source]\ntype = "{kind}"\nurl = "https://vcs.example/far"\n'
        for kind in ("git", "url", "file", "directory")
    ],
    "pdm.lock": [
        f'[[package]]\nname = "far"\nversion = "1"\ngroups = ["default"]\n{source}\n'
        for source in (
            'git = "https://vcs.example/far"\nrevision = "abc"',
            'url = "https://x.example/far.zip"',
            'path = "./far"',
            'path = "./far"\neditable = true',
        )
    ],
}


@pytest.mark.parametrize(("name", "far"), [(name, far) for name, all_ in FROM_ELSEWHERE.items() for far in all_])
def test_what_a_lock_takes_from_no_index_is_told_and_the_rest_is_taken(name: str, far: str) -> None:
    whole = ONE_RELEASE[name]
    if name == "uv.lock":
        whole = whole.replace('[{name = "foo"}]', '[{name = "foo"}, {name = "far"}]')
    found = reading(far + whole if name == "poetry.lock" else whole + far, name)
    assert names(found) == ["foo==1.0"]
    ((text, reason),) = reasons(found)
    assert (text, "and from no index" in reason) == ("far", True)


@pytest.mark.parametrize(
    "entry",
    [
        {"git": "https://vcs.example/far", "ref": "abc"},
        {"path": "./far", "editable": True},
        {"file": "https://x.example/far.zip"},
    ],
)
def test_what_a_pipfile_lock_takes_from_no_index_is_told_and_the_rest_is_taken(entry: object) -> None:
    found = reading(pipfile_lock({"far": entry, "foo": {"version": "==1.0"}}), "Pipfile.lock")
    assert names(found) == ["foo==1.0"]
    ((text, reason),) = reasons(found)
    assert (text, "and from no index" in reason) == ("far", True)


@pytest.mark.parametrize("name", ONE_RELEASE)
@pytest.mark.parametrize("wrong", ["true", "[1]", "1979-05-27", '{a = "b"}', "9" * 5_000, "1e999"])
def test_a_release_with_a_wrong_type_is_told(name: str, wrong: str) -> None:
    if name == "Pipfile.lock":
        text = pipfile_lock({"foo": {"version": [1]}})
    else:
        text = ONE_RELEASE[name].replace('\nversion = "1.0"\n', f"\nversion = {wrong}\n")
    found = reading(text, name)
    assert found.locked == ()
    assert [told in {"foo", name} for told, _ in reasons(found)] == [True]


@pytest.mark.parametrize("name", ONE_RELEASE)
@pytest.mark.parametrize("version", ["nonsense", "9" * 5_000, "1" * 201, ""])
def test_a_version_that_is_none_is_told(name: str, version: str) -> None:
    text = (
        ONE_RELEASE[name].replace('\nversion = "1.0"\n', f'\nversion = "{version}"\n').replace("==1.0", f"=={version}")
    )
    found = reading(text, name)
    assert found.locked == ()
    assert [told for told, _ in reasons(found)] == ["foo"]


@pytest.mark.parametrize("name", ONE_RELEASE)
def test_whatever_a_release_has_for_a_list_the_lock_is_told(name: str) -> None:
    key = {"pylock.toml": "packages", "Pipfile.lock": "default"}.get(name, "package")
    for wrong in ("1", '"x"', "true"):
        if name == "Pipfile.lock":
            text = pipfile_lock(1)
        else:
            head = {"pylock.toml": PYLOCK, "uv.lock": "version = 1\n", "poetry.lock": POETRY, "pdm.lock": PDM}[name]
            text = f"{key} = {wrong}\n{head}"
        found = reading(text, name)
        assert (found.locked, [told for told, _ in reasons(found)]) == ((), [name])


@pytest.mark.parametrize("name", ONE_RELEASE)
@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[",
        "{" * 100_000,
        "a = " + "[" * 100_000,
        "a = " + "{a = " * 50_000,
        '{"_meta": ' * 10_000,
        "\ud800",
    ],
)
def test_a_lock_that_is_broken_is_told_as_a_whole(name: str, text: str) -> None:
    found = reading(text, name)
    assert found.locked == ()
    assert [told for told, _ in reasons(found)] == [name]


@pytest.mark.parametrize("name", ["pylock.toml", "uv.lock", "pyproject.toml"])
def test_keys_of_very_many_parts_are_refused_before_they_cost_anything(name: str) -> None:
    ((told, reason),) = reasons(reading("a" + ".a" * 200_000 + " = 1", name))
    assert (told, "too many parts" in reason) == (name, True)


def test_releases_of_several_locks_are_made_one_where_they_are_one() -> None:
    found = read([Document(name=name, text=text) for name, text in ONE_RELEASE.items()])
    assert found.locked == (
        LockedRelease(
            project=normalise("foo"),
            version="1.0",
            files=(
                LockedFile(filename=FILE.filename, hashes=FILE.hashes, size=5),
                LockedFile(filename=None, hashes=FILE.hashes),
            ),
        ),
    )


def test_a_release_that_stands_twice_with_markers_is_for_both() -> None:
    one = '[[package]]\nname = "foo"\nversion = "1.0"\n'
    text = f"{PDM}{one}marker = \"os_name == 'nt'\"\n{one}extras = ['x']\nmarker = \"python_version < '3.9'\"\n"
    assert markers(reading(text, "pdm.lock")) == {"foo": '(os_name == "nt") or (python_version < "3.9")'}


def test_a_release_whose_markers_are_too_long_together_is_for_every_environment() -> None:
    one = '[[package]]\nname = "foo"\nversion = "1.0"\nmarker = "os_name == \'{}\'"\n'
    found = reading(PDM + "".join(one.format(letter * 8_000) for letter in "abc"), "pdm.lock")
    assert markers(found) == {"foo": None}
    assert markers(reading(PDM + one.format("a" * 8_000) + one.format("b"), "pdm.lock"))["foo"] is not None


def test_a_release_that_stands_twice_with_one_marker_keeps_it_as_it_is() -> None:
    one = '[[package]]\nname = "foo"\nversion = "1.0"\nmarker = "os_name == \'nt\'"\n'
    assert markers(reading(PDM + one + one, "pdm.lock")) == {"foo": 'os_name == "nt"'}


def test_two_versions_of_a_project_stay_two_releases() -> None:
    text = (
        f"{PDM}[[package]]\nname = 'foo'\nversion = '1.0'\nmarker = \"python_version < '3.9'\"\n"
        "[[package]]\nname = 'Foo'\nversion = '2.0.0'\nmarker = \"python_version >= '3.9'\"\n"
    )
    assert names(reading(text, "pdm.lock")) == ["foo==1.0", "foo==2.0.0"]


@pytest.mark.parametrize(
    "marker", ["nonsense", "os_name == 'a\\\\nb'", "(" * 1_000, "os_name == 'x' and " * 2_000 + "os_name == 'x'"]
)
def test_a_marker_that_is_none_is_told_with_its_release(marker: str) -> None:
    text = f'{PDM}[[package]]\nname = "foo"\nversion = "1.0"\nmarker = "{marker}"\n'
    found = reading(text, "pdm.lock")
    assert found.locked == ()
    ((told, reason),) = reasons(found)
    assert (told, reason.startswith("its marker is")) == ("foo", True)


# -- groups and extras -------------------------------------------------------------------------------------------

PARTS = {
    "pylock.toml": (
        PYLOCK.replace("created", 'extras = ["fast"]\ndependency-groups = ["dev"]\ncreated')
        + "".join(
            f'[[packages]]\nname = "{name}"\nversion = "1"\nmarker = "{marker}"\n'
            f'wheels = [{{url = "https://x.example/{name}-1-py3-none-any.whl", {HASHES}}}]\n'
            for name, marker in (
                ("main", "python_version >= '3'"),
                ("fast", "'fast' in extras and os_name == 'nt'"),
                ("dev", "'dev' in dependency_groups"),
            )
        )
    ),
    "uv.lock": (
        'version = 1\n[[package]]\nname = "app"\nsource = {editable = "."}\n'
        "dependencies = [{name = 'main', marker = \"python_version >= '3'\"}]\n"
        "[package.optional-dependencies]\nfast = [{name = 'fast', marker = \"os_name == 'nt'\"}]\n"
        "[package.dev-dependencies]\ndev = [{name = 'dev'}]\n"
        + "".join(
            f'[[package]]\nname = "{name}"\nversion = "1"\nsource = {{registry = "x"}}\n'
            for name in ("main", "fast", "dev")
        )
    ),
    "poetry.lock": (
        "".join(
            f'[[package]]\nname = "{name}"\nversion = "1"\noptional = {optional}\npython-versions = "*"\n'
            f'groups = ["{group}"]\nfiles = []\n{markers}\n'
            for name, optional, group, markers in (
                ("main", "false", "main", "markers = \"python_version >= '3'\""),
                ("fast", "true", "main", "markers = \"extra == 'fast' and os_name == 'nt'\""),
                ("dev", "false", "dev", ""),
            )
        )
        + f'[extras]\nfast = ["fast (>=1)"]\n{POETRY}'
    ),
    "pdm.lock": (
        PDM.replace('"dev"', '"dev", "fast"')
        + "".join(
            f'[[package]]\nname = "{name}"\nversion = "1"\ngroups = ["{group}"]\n{marker}\n'
            for name, group, marker in (
                ("main", "default", "marker = \"python_version >= '3'\""),
                ("fast", "fast", "marker = \"os_name == 'nt'\""),
                ("dev", "dev", ""),
            )
        )
    ),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize(
    ("groups", "extras", "expected"),
    [
        ((), (), {"main"}),
        (("dev",), (), {"main", "dev"}),
        ((), ("fast",), {"main", "fast"}),
        (("Dev",), ("FAST",), {"main", "fast", "dev"}),
        (("all",), ("all",), {"main", "fast", "dev"}),
    ],
)
def test_the_wanted_parts_are_taken_beside_the_main_one(
    name: str, groups: tuple[str, ...], extras: tuple[str, ...], expected: set[str]
) -> None:
    found = reading(PARTS[name], name, groups=groups, extras=extras)
    assert found.unparseable == ()
    every = {"main": 'python_version >= "3"', "fast": 'os_name == "nt"', "dev": None}
    assert markers(found) == {one: every[one] for one in every if one in expected}


@pytest.mark.parametrize("name", PARTS)
def test_parts_that_no_document_has_are_told(name: str) -> None:
    found = reading(PARTS[name], name, groups=["docs"], extras=["slow"])
    assert [text for text, _ in reasons(found)] == ["the group docs", "the extra slow"]
    assert list(markers(found)) == ["main"]


def test_the_default_groups_of_a_pylock_belong_to_its_main_part() -> None:
    text = PARTS["pylock.toml"].replace("created", 'default-groups = ["dev"]\ncreated')
    assert set(markers(reading(text, "pylock.toml"))) == {"main", "dev"}


def test_the_sections_of_a_pipfile_lock_are_its_groups() -> None:
    text = pipfile_lock({"main": {"version": "==1"}}, develop={"dev": {"version": "==1", "markers": "os_name == 'nt'"}})
    for groups, expected in (((), {"main"}), (("dev",), {"main", "dev"}), (("develop",), {"main", "dev"})):
        found = reading(text, "Pipfile.lock", groups=groups)
        assert found.unparseable == ()
        assert set(markers(found)) == expected


# -- one format's own --------------------------------------------------------------------------------------------


def test_an_old_poetry_lock_keeps_its_files_at_the_end() -> None:
    text = (
        '[[package]]\nname = "foo"\nversion = "1.0"\ncategory = "main"\noptional = false\npython-versions = ">=3.6"\n'
        '[[package]]\nname = "dev"\nversion = "1.0"\ncategory = "dev"\noptional = false\npython-versions = "^3.6"\n'
        '[metadata]\nlock-version = "1.1"\ncontent-hash = "x"\n'
        f'[metadata.files]\nfoo = [{{file = "foo-1.0-py3-none-any.whl", {HASH}}}]\ndev = []\n'
    )
    release = only(reading(text, "poetry.lock"))
    assert (release.project, release.requires_python, release.files) == ("foo", ">=3.6", (FILE,))
    assert names(reading(text, "poetry.lock", groups=["dev"])) == ["foo==1.0", "dev==1.0"]


def test_a_poetry_marker_may_differ_by_group() -> None:
    text = (
        '[[package]]\nname = "foo"\nversion = "1.0"\noptional = false\npython-versions = "*"\n'
        f'groups = ["main", "dev"]\nfiles = []\n[package.markers]\nmain = "os_name == \'nt\'"\n{POETRY}'
    )
    assert markers(reading(text, "poetry.lock")) == {"foo": 'os_name == "nt"'}
    assert markers(reading(text, "poetry.lock", groups=["dev"])) == {"foo": None}


def test_what_an_extra_of_poetry_needs_is_taken_with_what_that_needs() -> None:
    text = (
        (
            "".join(
                f'[[package]]\nname = "{name}"\nversion = "1"\noptional = true\npython-versions = "*"\n'
                f'groups = ["main"]\nfiles = []\n[package.dependencies]\n{needs} = "*"\n'
                for name, needs in (("one", "Two_"), ("two-", "one"), ("three", "one"))
            )
            + f"[extras]\nfast = [\"one[x] (>=1) ; os_name == 'nt'\"]\n{POETRY}"
        )
        .replace("two-", "two")
        .replace("Two_", "Two")
    )
    assert names(reading(text, "poetry.lock", extras=["fast"])) == ["one==1", "two==1"]


def test_an_old_pdm_lock_keeps_its_files_at_the_end() -> None:
    text = (
        '[[package]]\nname = "foo"\nversion = "1.0"\n[metadata]\nlock_version = "4.3"\n'
        f'[metadata.files]\n"foo 1.0" = [{{url = "https://x.example/foo-1.0-py3-none-any.whl", {HASH}}}]\n'
    )
    assert only(reading(text, "pdm.lock")).files == (FILE,)
