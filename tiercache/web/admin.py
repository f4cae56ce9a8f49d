"""`/api/v1/offline`: whether the running node may ask its tiers.

To ask is free; to switch needs the node's control token, which whoever may read the store's folder can read.
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec
from attrs import define
from twisted.web.server import Request

from tiercache.cache.switch import OfflineSwitch
from tiercache.web.answer import Answer, json, problem
from tiercache.web.request import field_of


@define(kw_only=True)
class OfflineRoute:
    """Shows and sets the switch."""

    _switch: OfflineSwitch
    _control_token: str

    async def show(self, request: Request) -> Answer:
        """`{"offline": true|false}`."""
        return json({"offline": self._switch.is_offline})

    async def put(self, request: Request) -> Answer:
        """Set it to what the body says, in the same form, and show it."""
        if not self._is_authorised(field_of(request, "authorization")):
            return problem(
                401, "This needs the node's control token.", {"WWW-Authenticate": 'Bearer realm="tiercache"'}
            )
        wanted = _offline_of(request.content.read() if request.content is not None else b"")
        if wanted is None:
            return problem(400, 'The body is to be {"offline": true} or {"offline": false}.')
        await self._switch.set(wanted)
        return await self.show(request)

    def _is_authorised(self, authorization: str | None) -> bool:
        scheme, _, token = (authorization or "").partition(" ")
        expected = self._control_token.encode()
        given = token.strip().encode("utf-8", "replace")
        return hmac.compare_digest(given, expected) and scheme.lower() == "bearer" and bool(expected)


def _offline_of(body: bytes) -> bool | None:
    try:
        stated: Any = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    if not isinstance(stated, dict) or set(stated) != {"offline"} or not isinstance(stated["offline"], bool):
        return None
    return stated["offline"]
