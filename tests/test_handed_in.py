"""The files that a command hands in: what is read beside them, and what is left to the node."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tiercache.commands.handed_in import HandedIn, read_file
from tiercache.wire.prefetch import MOST_DOCUMENT_BYTES, MOST_DOCUMENTS


def handed_in(
    files: dict[str, str | bytes], *requirements: str, locks: tuple[str, ...] = (), constraints: tuple[str, ...] = ()
) -> HandedIn:
    def read(path: str) -> bytes:
        if path not in files:
            raise FileNotFoundError(2, "No such file or directory")
        content = files[path]
        return content.encode() if isinstance(content, str) else content

    return HandedIn.of(read, requirements=requirements, locks=locks, constraints=constraints)


def texts(found: HandedIn) -> tuple[dict[str, str], dict[str, str]]:
    return {one.name: one.text for one in found.documents}, {one.name: one.text for one in found.constraints}


def test_included_files_are_read_from_beside_and_their_lines_keep_their_numbers() -> None:
    files = {
        "app/requirements.txt": "six\n-r more/dev.txt  # tools\n--constraint=bounds.txt\nnumpy\n",
        "app/more/dev.txt": "-rlast.txt\n--requirement 'own name.txt'\n",
        "app/more/last.txt": "attrs",
        "app/more/own name.txt": "click",
        "app/bounds.txt": "six<2\n-r further.txt",
        "app/further.txt": "attrs<30",
    }
    documents, constraints = texts(handed_in(files, "app/requirements.txt"))
    assert documents == {
        "requirements.txt": "six\n# -r more/dev.txt  # tools\n# --constraint=bounds.txt\nnumpy",
        "dev.txt": "# -rlast.txt\n# --requirement 'own name.txt'",
        "last.txt": "attrs",
        "own name.txt": "click",
    }
    assert constraints == {"bounds.txt": "six<2\n# -r further.txt", "further.txt": "attrs<30"}


def test_files_that_include_each_other_are_read_once() -> None:
    found = handed_in({"a.txt": "-r b.txt\n-c a.txt", "b.txt": "-r a.txt\n-r ./b.txt"}, "a.txt", "b.txt")
    assert [one.name for one in found.documents] == ["a.txt", "b.txt"]
    assert [one.name for one in found.constraints] == ["a.txt", "b.txt"]


@pytest.mark.parametrize("line", ["-r https://elsewhere.example/r.txt", "-e .", "numpy -r x", "--index-url x", "#-r x"])
def test_what_is_no_include_of_a_file_goes_as_it_is(line: str) -> None:
    assert texts(handed_in({"a.txt": line}, "a.txt"))[0] == {"a.txt": line}


@pytest.mark.parametrize("name", ["pyproject.toml", "uv.lock", "Pipfile.lock", "script.py"])
def test_what_is_no_requirements_file_includes_nothing(name: str) -> None:
    text = "x = 1\r\n-r other.txt\n"
    assert texts(handed_in({name: text}, name))[0] == {name: text}
    assert texts(handed_in({"frozen.txt": text}, locks=("frozen.txt",)))[0] == {"frozen.txt": text}


@pytest.mark.parametrize("text", ["-r gone.txt", "-c gone.txt"])
def test_a_file_that_is_not_there_is_told_by_its_path(text: str) -> None:
    with pytest.raises(click.UsageError, match=r"app/gone.txt cannot be read: No such file"):
        handed_in({"app/a.txt": text}, "app/a.txt")


def test_the_most_files_are_taken_and_one_more_is_not() -> None:
    files = {f"{number}.txt": "" for number in range(MOST_DOCUMENTS + 1)}
    names = list(files)
    assert len(handed_in(files, *names[:-1], constraints=tuple(names[:-1])).documents) == MOST_DOCUMENTS
    for requirements, constraints in ((names, []), ([], names)):
        with pytest.raises(click.UsageError, match="more than"):
            handed_in(files, *requirements, constraints=tuple(constraints))


def test_the_most_bytes_are_taken_and_one_more_is_not() -> None:
    files: dict[str, str | bytes] = {"a.lock": bytes(MOST_DOCUMENT_BYTES - 1), "b.lock": b"x", "c.lock": b"xy"}
    assert len(handed_in(files, "a.lock", "b.lock").documents) == 2
    with pytest.raises(click.UsageError, match="bytes"):
        handed_in(files, "a.lock", "c.lock")


def test_a_folder_or_nothing_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"six")
    assert read_file(str(tmp_path / "a.txt")) == b"six"
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(OSError):  # noqa: PT011  # whichever
            read_file(str(path))
