"""requirements.txt: what is taken of it, and what is told instead."""

from __future__ import annotations

import pytest

from tests.prefetch.inputs.reading import SHA, reading, reasons
from tiercache.prefetch.inputs.gathering import MOST_REQUIREMENTS, MOST_UNPARSEABLE
from tiercache.prefetch.inputs.read import read
from tiercache.prefetch.inputs.requirement import MOST_CHARACTERS
from tiercache.prefetch.inputs.requirements_txt import MOST_LINE_CHARACTERS, MOST_SAYING
from tiercache.prefetch.inputs.text import MOST_LINES, document
from tiercache.wire.prefetch import Document


def lines(text: str) -> tuple[str, ...]:
    found = reading(text)
    assert found.unparseable == ()
    return found.requirements


def test_a_frozen_environment_is_taken_line_by_line() -> None:
    assert lines("attrs==25.3.0\nZope.Interface==7.2\r\nnumpy==2.0\n") == (
        "attrs==25.3.0",
        "Zope.Interface==7.2",
        "numpy==2.0",
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("foo", "foo"),
        ("  foo >= 1 , <2  ", "foo<2,>=1"),
        ("foo (>=1)", "foo>=1"),
        ("foo[b,a]==1", "foo[a,b]==1"),
        ("foo; python_version<'3.9'", 'foo; python_version < "3.9"'),
        ("foo # why", "foo"),
        ("foo#bar==1 # no comment without a space", None),
        ("foo==1 \\\n  ; sys_platform == 'win32'", 'foo==1; sys_platform == "win32"'),
        ("foo \\\n# a comment ends it\n", "foo"),
        ("foo==1 \\", "foo==1"),
        ("foo === 1.0-weird", "foo===1.0-weird"),
        ("foo; extra == 'bar'", 'foo; extra == "bar"'),
    ],
)
def test_a_requirement_is_written_in_one_way(text: str, line: str | None) -> None:
    found = reading(text)
    assert found.requirements == (() if line is None else (line,))
    assert len(found.unparseable) == (line is None)


def test_digests_stand_behind_their_requirement_each_once() -> None:
    text = (
        f"foo==1 ; python_version >= '3' \\\n    --hash=sha256:{SHA['a']} \\\n"
        f"    --hash sha256:{SHA['b'].upper()} --hash=sha256:{SHA['a']}\n"
        "bar\n"
    )
    assert lines(text) == (
        f'foo==1; python_version >= "3" --hash=sha256:{SHA["a"]} --hash=sha256:{SHA["b"]}',
        "bar",
    )


@pytest.mark.parametrize("digest", ["sha256:abc", "sha256", "md4:" + "a" * 32, "sha256:" + "g" * 64, "", "--hash"])
def test_a_requirement_with_a_digest_that_cannot_be_read_is_not_taken(digest: str) -> None:
    found = reading(f"foo==1 --hash=sha256:{SHA['a']} --hash={digest}x\nbar")
    assert found.requirements == ("bar",)
    assert [reason for _, reason in reasons(found)] == ["one of its digests cannot be read"]


def test_options_of_a_build_are_told_and_the_requirement_is_taken() -> None:
    found = reading(f'foo==1 --hash=sha256:{SHA["a"]} --config-settings="--global-option=--fast"')
    assert found.requirements == (f"foo==1 --hash=sha256:{SHA['a']}",)
    assert reasons(found) == [
        (
            '--config-settings="--global-option=--fast"',
            "options of a build are passed over; the requirement before them is taken",
        )
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("-e .", "built on somebody's machine"),
        ("-egit+https://vcs.example/x.git#egg=x", "built on somebody's machine"),
        ("--editable=../x", "built on somebody's machine"),
        ("file:///srv/x-1.whl", "a file on somebody's machine"),
        ("x @ file:///srv/x-1.whl", "a file on somebody's machine"),
        ("git+ssh://git@vcs.example/x.git", "version control"),
        ("x @ git+https://vcs.example/x.git@abc", "version control"),
        ("hg+https://vcs.example/x", "version control"),
        ("https://files.example/x-1.tar.gz", "a URL of its own"),
        ("x @ https://files.example/x-1-py3-none-any.whl#sha256=00", "a URL of its own"),
        ("./x", "a path on somebody's machine"),
        ("../wheels/x-1-py3-none-any.whl", "a path on somebody's machine"),
        ("x-1-py3-none-any.whl", "a path on somebody's machine"),
        (r"C:\wheels\x.whl", "a path on somebody's machine"),
        ("-r more.txt", "includes are not followed: hand the file in, as requirements of its own"),
        ("-c bounds.txt", "includes are not followed: hand the file in, as constraints of its own"),
        ("--requirement=more.txt", "includes are not followed"),
        ("-i https://index.example/simple", "told by this node's tiers"),
        ("--index-url https://index.example/simple", "told by this node's tiers"),
        ("--extra-index-url=https://index.example/simple", "told by this node's tiers"),
        ("--find-links ./wheels", "told by this node's tiers"),
        ("--no-index", "told by this node's tiers"),
        ("--trusted-host index.example", "told by this node's tiers"),
        ("--pre", "an option of an installer"),
        ("--require-hashes", "an option of an installer"),
        ("--no-binary :all:", "an option of an installer"),
        ("-", "an option of an installer"),
        ("foo bar", "it is no requirement"),
        ("foo==", "it is no requirement"),
        ("foo; nonsense == '3'", "it is no requirement"),
        ("${NAME}==1", "it is no requirement"),
        ("föö==1", "it is no requirement"),
        ("foo==1\x07", "characters that are no text"),
        ("a" * 201, "its name is none"),
    ],
)
def test_what_no_index_answers_is_told_with_its_line_and_the_rest_goes_on(line: str, reason: str) -> None:
    found = reading(f"before==1\n{line}\nafter==1\n")
    assert found.requirements == ("before==1", "after==1")
    (told,) = found.unparseable
    assert (told.document, told.line) == ("requirements.txt", 2)
    assert reason in told.reason
    assert told.text[:6] == line[:6].strip("\x07")


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://someone:secret@index.example/simple",
        "x @ https://someone:secret@files.example/x-1.tar.gz",
        "git+https://secret@vcs.example/x.git",
        "foo bar https://someone:secret@index.example",
        f"--index-url https://someone:{'secret' * 1_000}@index.example/simple",
        f"--index-url https://{'x' * 1_990}secret{'y' * 1_000}@index.example/simple",
    ],
)
def test_credentials_in_a_line_are_shown_to_nobody(line: str) -> None:
    (told,) = reading(line).unparseable
    assert "secret" not in told.text + told.reason
    assert "://***" in told.text


def test_an_include_that_was_handed_in_is_no_fault() -> None:
    found = read(
        [
            Document(name="requirements.txt", text="-r requirements/more.txt\n-c bounds.txt\nfoo"),
            Document(name="more.txt", text="bar"),
        ],
        [Document(name="bounds.txt", text="bar[x]<2\n")],
    )
    assert found.requirements == ("foo", "bar")
    assert found.constraints == ("bar<2",)  # constraints have no extras
    assert found.unparseable == ()


def test_a_constraint_that_is_none_is_told() -> None:
    found = read(
        [Document(name="r.txt", text="foo")], [Document(name="c.txt", text="foo @ https://x.example/f.whl\nbar<1")]
    )
    assert (found.requirements, found.constraints) == (("foo",), ("bar<1",))
    assert [one.document for one in found.unparseable] == ["c.txt"]


def test_a_requirement_that_stands_twice_is_taken_once() -> None:
    assert lines("foo>=1\nbar\nfoo >= 1\n") == ("foo>=1", "bar")


def test_two_requirements_of_one_project_are_both_the_resolvers() -> None:
    assert lines("foo==1\nfoo==2\n") == ("foo==1", "foo==2")


# -- encodings ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "foo==1  # grün\n".encode(),
        "foo==1  # grün\n".encode("utf-8-sig"),
        "foo==1\n".encode("utf-16"),
        b"\xfe\xff" + "foo==1\n".encode("utf-16-be"),
        b"\xff\xfe\x00\x00" + "foo==1\n".encode("utf-32-le"),
        "# -*- coding: latin-1 -*-\nfoo==1  # grün\n".encode("latin-1"),
        "foo==1  # grün\n".encode("latin-1"),
        b"# coding: base64\nfoo==1\n",
        b"# coding: \xff\nfoo==1\n",
    ],
)
def test_a_file_is_read_in_the_encoding_that_it_has(content: bytes) -> None:
    found = read([document("some/where/requirements.txt", content)])
    assert found.requirements == ("foo==1",)
    assert found.unparseable == ()


def test_a_documents_name_is_its_last_part() -> None:
    assert document("../a/b.txt", b"").name == "b.txt"
    assert document(r"C:\a\b.txt", b"").name == "b.txt"


def test_a_mark_at_the_start_of_a_text_is_passed_over() -> None:
    assert lines("\ufefffoo==1") == ("foo==1",)


# -- much, and junk ----------------------------------------------------------------------------------------------


def test_a_hundred_thousand_lines_are_read_and_not_one_over() -> None:
    text = "".join(f"p{number}==1\n" for number in range(MOST_REQUIREMENTS))
    found = reading(text + "p0==1\none-more==1\n")
    assert len(found.requirements) == MOST_REQUIREMENTS == 100_000
    assert [(one.text, one.line) for one in found.unparseable] == [("one-more==1", MOST_REQUIREMENTS + 2)]


def test_a_hundred_thousand_lines_of_junk_are_told_up_to_a_number() -> None:
    found = reading("? ?\n" * 100_000 + "foo==1\n")
    assert found.requirements == ("foo==1",)
    assert len(found.unparseable) == MOST_UNPARSEABLE + 1
    assert found.unparseable[-1].text == f"{100_000 - MOST_UNPARSEABLE} more"


def test_so_many_lines_that_say_something_are_read_and_no_more() -> None:
    found = reading("foo\n# a remark\n\n" * MOST_SAYING + "bar\n")
    assert found.requirements == ("foo",)
    assert reasons(found) == [("requirements.txt", f"of its lines {MOST_SAYING} are read, and no more")]


@pytest.mark.parametrize("end", ["\n", "\r", "\u2028", "\x0c"])
def test_a_document_of_very_many_lines_is_not_taken_apart(end: str) -> None:
    for name in ("requirements.txt", "tool.py", "uv.lock", "unheard-of"):
        found = reading(end * (MOST_LINES + 1) + "foo", name)
        assert reasons(found) == [(name, f"it has more than {MOST_LINES} lines")]
    assert reading(end * MOST_LINES + "foo").requirements == ("foo",)


@pytest.mark.parametrize("value", ["a\\nb", "a\\x00b", "a\\u2028b"])
def test_an_end_of_line_that_is_written_as_in_python_is_no_text(value: str) -> None:
    found = reading(f'foo; os_name == "{value}"\nbar')
    assert found.requirements == ("bar",)
    assert [reason for _, reason in reasons(found)] == ["it holds characters that are no text"]
    project = reading(f"[project]\ndependencies = ['foo; os_name == \"{value}\"', 'bar']\n", "pyproject.toml")
    assert project.requirements == ("bar",)


def test_binary_junk_is_no_text() -> None:
    found = reading("PK\x03\x04\x00\x00foo==1\n")
    assert (found.requirements, reasons(found)) == ((), [("requirements.txt", "it is no text")])


@pytest.mark.parametrize(("characters", "is_taken"), [(MOST_CHARACTERS, True), (MOST_CHARACTERS + 1, False)])
def test_a_requirement_is_read_up_to_its_length_and_not_one_character_over(characters: int, is_taken: bool) -> None:
    line = "foo>=" + "1" * (characters - 5)
    assert (reading(line).requirements == (line,)) == is_taken


@pytest.mark.parametrize(("characters", "is_taken"), [(MOST_LINE_CHARACTERS, True), (MOST_LINE_CHARACTERS + 1, False)])
def test_a_line_is_read_up_to_its_length_and_not_one_character_over(characters: int, is_taken: bool) -> None:
    digest = f"--hash=sha256:{SHA['a']}"
    line = f"foo==1 {digest}{' ' * (characters - 8 - 2 * len(digest))} {digest}"
    assert len(line) == characters
    found = reading(f"{line}\nbar\n")
    assert found.requirements == ((f"foo==1 {digest}", "bar") if is_taken else ("bar",))
    assert len(found.unparseable) == (not is_taken)


def test_a_line_that_is_continued_for_ever_is_bounded_too() -> None:
    found = reading("foo==1 \\\n" + f"  --hash=sha256:{SHA['a']} \\\n" * 10_000 + "\nbar\n")
    assert found.requirements == ("bar",)
    assert [one.line for one in found.unparseable] == [1]


@pytest.mark.parametrize(
    "line",
    [
        " " * 250_000 + "x y",
        "#" * 250_000,
        "x" + " #" * 100_000,
        "x" + "#" * 250_000,
        "x" + " --hash" * 35_000,
        "x --hash" + " " * 250_000,
        "x; " + "(" * 4_000 + "os_name == 'a'" + ")" * 4_000,
        "x; " + " and ".join(["os_name == 'a'"] * 400),
        "x" + "[" * 8_000,
        "://" * 80_000,
        "x==" + "9" * 8_000,
        "x==" + "9" * 8_000 + ".*",
        "x ~= 1" + ".0" * 4_000,
    ],
)
def test_a_line_that_is_made_to_be_slow_is_read_like_any_other(line: str) -> None:
    found = reading(f"before==1\n{line}\nafter==1\n")
    assert {"before==1", "after==1"} <= set(found.requirements)
