from __future__ import annotations

from collections.abc import Awaitable

import pytest

from tests.doubles.now import result_of
from tiercache.errors import StoreFull
from tiercache.storage.memory import MemoryCatalogue
from tiercache.storage.node_id import SETTING, node_id_of

FIRST, SECOND = "00000000000000aa", "00000000000000bb"


def test_an_id_is_made_once_for_a_store() -> None:
    catalogue = MemoryCatalogue()
    assert node_id_of(catalogue, lambda: FIRST) == FIRST
    assert node_id_of(catalogue, lambda: SECOND) == FIRST


@pytest.mark.parametrize("kept", ["", "laptop", "0" * 15, "0" * 17, "00000000000000AA", "0000000000000, x"])
def test_what_is_no_id_is_replaced(kept: str) -> None:
    catalogue = MemoryCatalogue()
    result_of(catalogue.store_setting(SETTING, kept))
    assert node_id_of(catalogue, lambda: SECOND) == SECOND
    assert catalogue.setting(SETTING) == SECOND


def test_a_store_without_room_still_gives_an_id() -> None:
    class Full(MemoryCatalogue):
        def store_setting(self, name: str, value: str | None) -> Awaitable[None]:
            raise StoreFull(reason="no room")

    assert node_id_of(Full(), lambda: FIRST) == FIRST
