"""What a resolver means that was shown sdists as wheels."""

from __future__ import annotations

import tomllib

import pytest

from tiercache.errors.prefetch import ResolverFailed
from tiercache.resolving.meant_sdists import with_meant_sdists

MADE = """{ name = "app-1.0-0sdist-py30-none-any.whl", url = "http://x/app-1.0.tar.gz", size = 3,
hashes = { sha256 = "aa" } }""".replace("\n", " ")
REAL = '{ url = "http://x/app-1.0-py3-none-any.whl", hashes = { sha256 = "bb" } }'


def answer(*wheels: str) -> str:
    return f'lock-version = "1.0"\n[[packages]]\nname = "app"\nversion = "1.0"\nwheels = [{", ".join(wheels)}]\n'


def test_a_made_wheel_stands_for_its_sdist() -> None:
    (package,) = tomllib.loads(with_meant_sdists(answer(REAL, MADE)))["packages"]
    assert [wheel["hashes"]["sha256"] for wheel in package["wheels"]] == ["bb"]
    assert package["sdist"] == {"url": "http://x/app-1.0.tar.gz", "size": 3, "hashes": {"sha256": "aa"}}
    (package,) = tomllib.loads(with_meant_sdists(answer(MADE)))["packages"]
    assert "wheels" not in package
    assert package["sdist"]["hashes"] == {"sha256": "aa"}


def test_an_answer_without_one_is_the_same() -> None:
    assert tomllib.loads(with_meant_sdists(answer(REAL))) == tomllib.loads(answer(REAL))


@pytest.mark.parametrize("text", ["packages = ]", "packages = 1", "packages = [1]", '[[packages]]\nwheels = ["x"]'])
def test_what_is_no_answer_is_a_failure_of_the_resolver(text: str) -> None:
    with pytest.raises(ResolverFailed):
        with_meant_sdists(text)
