"""Nothing that comes with modules is garbage."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tiercache.loading import uncollected


@pytest.fixture
def collecting() -> Iterator[None]:
    """A collector at work, and as it was afterwards."""
    was = gc.isenabled()
    gc.enable()
    yield
    gc.unfreeze()
    if not was:
        gc.disable()


@pytest.mark.usefixtures("collecting")
def test_nothing_is_collected_while_modules_are_loaded_also_if_it_fails() -> None:
    collects = []

    def load() -> None:
        with uncollected():
            collects.append(gc.isenabled())
            raise ImportError

    with pytest.raises(ImportError):
        load()
    assert collects == [False]
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
def test_who_loads_meanwhile_ends_nothing() -> None:
    with uncollected():
        with uncollected():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
@pytest.mark.parametrize("is_frozen", [True, False])
def test_what_has_come_stays_where_what_was_there_before_does(is_frozen: bool) -> None:
    if is_frozen:
        gc.freeze()
    before = gc.get_freeze_count()
    with uncollected():
        kept = [[] for _ in range(1000)]  # type: ignore[var-annotated]  # of nothing
    assert (gc.get_freeze_count() - before >= len(kept)) == is_frozen
