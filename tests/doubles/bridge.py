"""A node in memory, to be spoken to over a real socket, as a program of this machine does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

from tests.doubles.chain_of_nodes import JoinedNode


@contextmanager
def bridge_to(node: JoinedNode) -> Iterator[str]:
    """The URL at which every request is handed to the node, one after the other."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() in ("authorization", "host")}
            reply = node.get(self.path, headers, method=self.command, body=body)
            self.send_response(reply.status)
            for name in ("content-type", "location"):
                if name in reply.headers:
                    self.send_header(name, reply.headers[name])
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815  # http.server's names

        def log_message(self, *_what: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
