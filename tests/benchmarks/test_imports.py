"""Every benchmark can be started: what they import of each other and of the tests is there."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

import benchmarks

FOLDER = Path(benchmarks.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(FOLDER.parent).with_suffix("").parts)
    for path in FOLDER.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py")
)


@pytest.mark.parametrize("name", MODULES)
def test_benchmark_is_loaded_with_all_that_it_needs(name: str) -> None:
    assert import_module(name).__doc__
