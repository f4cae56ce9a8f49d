"""The offline switch: whether the node may ask its tiers at all."""

from __future__ import annotations

from attrs import define, field

from tiercache.cache.knowledge import Knowledge
from tiercache.interfaces import ICatalogue

SETTING = "offline"


@define(kw_only=True)
class OfflineSwitch:
    """`configured` is what the configuration says; what was switched on the running node wins, and outlives it.

    `knowledge` is what the switch is part of.
    """

    _catalogue: ICatalogue
    _configured: bool
    _knowledge: Knowledge = field(factory=Knowledge)
    _is_offline: bool = field(init=False)  # asked for several times a request, so it is not looked up each time

    @_is_offline.default
    def _as_it_was_left(self) -> bool:
        switched = self._catalogue.setting(SETTING)
        return self._configured if switched is None else switched == "on"

    @property
    def is_offline(self) -> bool:
        """Whether no tier may be asked now."""
        return self._is_offline

    async def set(self, offline: bool) -> None:
        """Switch; back to what the configuration says is no setting at all.  Raises StoreFull."""
        value = None if offline == self._configured else ("on" if offline else "off")
        await self._catalogue.store_setting(SETTING, value)
        self._is_offline = offline
        self._knowledge.changed_for_all()
