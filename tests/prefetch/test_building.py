"""What builds an sdist, by a pyproject.toml that anybody may have written."""

from __future__ import annotations

import pytest

from tiercache.prefetch.building import MOST, WITHOUT_A_WORD, what_builds


def requiring(*requirements: str) -> bytes:
    return f"[build-system]\nrequires = [{', '.join(requirements)}]\n".encode()


def test_what_it_requires_is_told_in_one_way_and_once() -> None:
    assert what_builds(requiring("'wheel'", "'setuptools >= 61'", "'wheel'")) == ("wheel", "setuptools>=61")
    assert what_builds(requiring()) == ()


@pytest.mark.parametrize(
    "silent", [None, b"", b"[project]\n", b"[build-system]\nrequires = 3\n", b"build-system = 3\n"]
)
def test_who_does_not_say_is_built_as_ever(silent: bytes | None) -> None:
    assert what_builds(silent) == WITHOUT_A_WORD


@pytest.mark.parametrize("broken", [b"\xff", b"[build-system", b"a" + b".a" * 200_000 + b" = 1"])
def test_what_cannot_be_read_is_built_with_nothing(broken: bytes) -> None:
    assert what_builds(broken) == ()


@pytest.mark.parametrize(
    "bad",
    [
        "3",
        "''",
        "'a b c'",
        "'x @ https://elsewhere.example/x.whl'",
        "'git+https://code.example/x.git'",
        "'./here'",
        r"""'x; os_name == "a\nb"'""",
        f"'{'x' * 9_000}'",
    ],
)
def test_what_no_resolver_is_asked_is_left_out(bad: str) -> None:
    assert what_builds(requiring(bad, "'wheel'")) == ("wheel",)


def test_so_many_are_looked_at_and_no_more() -> None:
    assert len(what_builds(requiring(*(f"'p{number}'" for number in range(MOST + 1))))) == MOST
