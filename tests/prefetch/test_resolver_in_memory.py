"""The double of a resolver that the tests of prefetches use."""

from __future__ import annotations

import tomllib

import pytest
from packaging.pylock import Pylock

from tests.doubles.now import result_of
from tests.doubles.resolver import ResolverInMemory, pages_of, resolved
from tests.doubles.small_node import SmallNode, listed, scripted, wheel
from tiercache.errors.prefetch import Unresolvable
from tiercache.interfaces.resolver import Question
from tiercache.wire.prefetch import Target

PAGES = pages_of(
    app=("app-1.0-py3-none-any.whl", "app-2.0-py3-none-any.whl", "app-2.0.tar.gz"),
    part=("part-1.0-py3-none-any.whl", "part-1.5-py3-none-any.whl", "part-2.0-py3-none-any.whl"),
    only_source=("only_source-1.0.tar.gz",),
    of_windows=("of_windows-1.0-py3-none-any.whl",),
)
REQUIRES = {
    "app-2.0-py3-none-any.whl": ("part<2", 'of-windows; sys_platform == "win32"', 'only-source; extra == "source"'),
    "part-1.5-py3-none-any.whl": ("part-of-part",),
}
LINUX = Target(python="3.12", platform="linux")
WINDOWS = Target(python="3.12", platform="windows")


def releases(text: str) -> dict[str, str]:
    """By name the versions of a pylock.toml."""
    return {one.name: str(one.version) for one in Pylock.from_dict(tomllib.loads(text)).packages}


def over() -> ResolverInMemory:
    return ResolverInMemory.over(PAGES, {"app-2.0-py3-none-any.whl": REQUIRES["app-2.0-py3-none-any.whl"]})


def test_the_newest_that_all_requirements_allow_is_taken() -> None:
    assert releases(resolved(over(), "app", target=LINUX)) == {"app": "2.0", "part": "1.5"}
    assert releases(resolved(over(), "app", "part<1.2", target=LINUX)) == {"app": "2.0", "part": "1.0"}


def test_markers_count_for_the_target_and_stand_in_a_universal_answer() -> None:
    assert releases(resolved(over(), "app", target=WINDOWS)) == {"app": "2.0", "part": "1.5", "of-windows": "1.0"}
    universal = Pylock.from_dict(tomllib.loads(resolved(over(), "app")))
    assert {one.name: str(one.marker) for one in universal.packages if one.marker is not None} == {
        "of-windows": 'sys_platform == "win32"'
    }


def test_what_is_unknown_or_has_no_such_version_is_said_in_words() -> None:
    with pytest.raises(Unresolvable, match="nowhere was not found"):
        resolved(over(), "nowhere")
    with pytest.raises(Unresolvable, match="no version of part>3"):
        resolved(over(), "part>3")
    with pytest.raises(Unresolvable, match="no version of only-source"):
        resolved(over(), "app[source]", target=LINUX)


def test_a_node_is_asked_by_its_own_pages_and_sidecars() -> None:
    tier = scripted()
    app = wheel("app", "1.0", b"Metadata-Version: 2.1\nName: app\nVersion: 1.0\nRequires-Dist: part\n")
    part = wheel("part", "1.0", b"Metadata-Version: 2.1\nName: part\nVersion: 1.0\n")
    listed(tier, "app", ("app-1.0-py3-none-any.whl", app))
    listed(tier, "part", ("part-1.0-py3-none-any.whl", part))
    resolver = ResolverInMemory.of(SmallNode(upstreams=[tier]).parts)
    assert releases(resolved(resolver, "app", target=LINUX)) == {"app": "1.0", "part": "1.0"}
    with pytest.raises(Unresolvable):
        result_of(resolver.resolve(Question(requirements=("app",), is_local=True)))
