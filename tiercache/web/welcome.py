"""`/`: a page for people that says what this is, and how to point pip and uv at it."""

from __future__ import annotations

from html import escape

from attrs import define
from twisted.web.server import Request

from tiercache.web.answer import HTML, NO_STORE, Answer
from tiercache.web.host import base_url

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{node} · tiercache</title>
<style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}}
pre{{background:#8882;padding:.7rem 1rem;overflow-x:auto}}</style>
</head>
<body>
<h1>{node}</h1>
<p>A cache for Python packages: tiercache {version}. What it has it serves from its own store; what it has not it
fetches from the next tier, once, and keeps.</p>
<h2>pip</h2>
<p>In <code>pip.conf</code>:</p>
<pre>[global]
index-url = {base}simple/</pre>
<h2>uv</h2>
<p>In <code>uv.toml</code>:</p>
<pre>[[index]]
url = "{base}simple/"
default = true</pre>
<h2>Projects</h2>
<ul>
<li><a href="simple/">simple/</a>: the projects that this node has met; any other is asked for when it is wanted</li>
<li><a href="local/">local/</a>: only what is in the store; nothing below it ever asks another tier</li>
</ul>
</body>
</html>
"""


@define(kw_only=True)
class Welcome:
    """The page of the node `node_name`; `public_url` is where clients find it, None where Host is to be believed."""

    _node_name: str
    _version: str
    _public_url: str | None

    async def page(self, request: Request) -> Answer:
        """The page, with this node's address as the client sees it."""
        page = _PAGE.format(
            node=escape(self._node_name),
            version=escape(self._version),
            base=escape(base_url(request, self._public_url)),
        )
        return Answer(headers={"Content-Type": HTML, "Cache-Control": NO_STORE}, body=page.encode())
