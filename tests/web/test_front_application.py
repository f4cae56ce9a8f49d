"""When the front has its application put together: by the first request for it, or before that."""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.task import Clock
from twisted.web.resource import Resource

from tests.doubles.now import at_once, result_of
from tests.doubles.wire import HOST, Wire
from tiercache.web.access_log import AccessLog
from tiercache.web.client import Clients
from tiercache.web.front import Front
from tiercache.web.limits import Limits
from tiercache.web.respond import Responder

REQUEST = f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


class Greeting(Resource):
    """Answers every request."""

    isLeaf = True  # noqa: N815  # the name in IResource

    def render_GET(self, _request: Any) -> bytes:  # noqa: N802  # Twisted's name
        return b"hello"


@define
class Served:
    """A front whose application counts how often it is made, and what was loaded for it."""

    made: int = 0
    loaded: list[str] = field(factory=list)
    clock: Clock = field(factory=Clock)
    wire: Wire = field(init=False)

    def __attrs_post_init__(self) -> None:
        front = Front(
            application=self._application,
            access_log=AccessLog(clock=self.clock, clients=Clients()),
            responder=Responder(clock=self.clock, node_name="here", write_timeout_s=1.0),
            node_id=None,
        )
        self.wire = Wire.to(front, Limits(), self.clock)

    def _application(self) -> Resource:
        self.made += 1
        return Greeting()

    def get(self) -> bytes:
        connection = self.wire.connect()
        assert connection is not None
        connection.send(REQUEST)
        return connection.reply().body

    async def pool(self, act: Any, *given: Any) -> Any:
        self.loaded += given
        return await at_once(act, *given)


def test_application_is_put_together_by_the_first_request_and_once() -> None:
    served = Served()
    assert served.made == 0
    assert [served.get(), served.get()] == [b"hello", b"hello"]
    assert served.made == 1


def test_application_is_loaded_beside_what_is_answered_and_is_there_for_the_first_request() -> None:
    served = Served()
    result_of(served.wire.site.get_ready(served.pool))
    assert served.loaded == ["tiercache.web.app", "packaging.metadata"]
    assert served.made == 1
    assert served.get() == b"hello"
    assert served.made == 1


def test_application_that_a_request_was_sooner_for_is_not_put_together_again() -> None:
    served = Served()
    served.get()
    result_of(served.wire.site.get_ready(served.pool))
    assert served.made == 1


def test_site_that_serves_no_node_has_nothing_to_get_ready() -> None:
    served = Served()
    served.wire.site.serve(Greeting())
    result_of(served.wire.site.get_ready(served.pool))
    assert served.loaded == []
