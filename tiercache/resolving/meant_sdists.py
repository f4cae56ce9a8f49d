"""The answer of a resolver to whom sdists were shown as wheels (`simple.made_wheels`), as it is meant."""

from __future__ import annotations

import tomllib
from typing import Any

import tomli_w

from tiercache.errors.prefetch import ResolverFailed
from tiercache.simple.made_wheels import is_made


def with_meant_sdists(answer: str) -> str:
    """A pylock.toml, as it is meant.  Raises ResolverFailed for what is none."""
    try:
        lock = tomllib.loads(answer)
        for package in lock.get("packages", ()):
            _put_right(package)
        return tomli_w.dumps(lock)
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise ResolverFailed(reason=f"its answer cannot be read: {error}") from None


def _put_right(package: dict[str, Any]) -> None:
    wheels = package.get("wheels", [])
    made = [wheel for wheel in wheels if is_made(wheel.get("name", ""))]
    if not made:
        return
    package["sdist"] = {key: value for key, value in made[0].items() if key != "name"}
    real = [wheel for wheel in wheels if wheel not in made]
    if real:
        package["wheels"] = real
    else:
        del package["wheels"]
