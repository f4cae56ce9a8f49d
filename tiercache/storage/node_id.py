"""What a node is called where names may clash: an id made by chance at the first start, and kept in its store.

Nodes that share a catalogue share it too: towards the others they are one.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.defer import ensureDeferred
from twisted.logger import Logger

from tiercache.interfaces import ICatalogue
from tiercache.policy.hops import NODE_ID

SETTING = "node-id"

log = Logger()


def node_id_of(catalogue: ICatalogue, made: Callable[[], str]) -> str:
    """The id in this catalogue: 16 hexadecimal digits, as `made` gives them.  One that is missing is made, and kept.

    It is used before it is durable: a store that cannot keep it costs no more than another id at the next start.
    """
    kept = catalogue.setting(SETTING)
    if kept is not None and NODE_ID.fullmatch(kept):
        return kept
    node_id = made()

    async def keep() -> None:
        await catalogue.store_setting(SETTING, node_id)

    ensureDeferred(keep()).addErrback(lambda failure: log.failure("the node's id is not kept", failure))
    return node_id
