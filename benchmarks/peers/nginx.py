"""nginx, twice: as a static server of what a node answered, and as a cache in front of the index.

One worker, no access log, stock buffers; each page in the forms that this node has, so that it does the same work.
`tcp_nopush` is off, as by default: where it is on, files from the cache stall for 40 ms.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from benchmarks.exchanges import ACCEPTS
from benchmarks.peers.content import Exported
from benchmarks.peers.environments import Program
from benchmarks.peers.peer import Launch, Setting, is_root

STATIC, CACHE, LOCKED = "nginx static", "nginx cache", "nginx cache, lock"

_HEAD = """\
{user}daemon off;
worker_processes 1;
error_log stderr warn;
pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  map $http_accept $syntax {{ default HTML; "~application/vnd\\.pypi\\.simple\\.v1\\+json" JSON; }}
  map $http_accept_encoding $encoding {{ default identity; "~gzip" gzip; }}
"""

_STATIC = """\
  server {{
    listen 127.0.0.1:{port};
    root {root};
    # By name, since looking at $syntax forgets the numbered ones.
    location /simple/ {{ rewrite ^/simple/(?<project>[^/]+)/$ /pages/$syntax/$project last; return 404; }}
    location /pages/JSON/ {{
      internal; gzip_static on; types {{}} default_type {json}; add_header Vary Accept;
    }}
    location /pages/HTML/ {{
      internal; gzip_static on; types {{}} default_type text/html; add_header Vary Accept;
    }}
    location /files/ {{ types {{}} default_type application/octet-stream; }}
  }}
}}
"""

_CACHE = """\
  proxy_cache_path {folder}/cache levels=1:2 keys_zone=all:50m max_size=20g inactive=1d use_temp_path=off;
  upstream index {{ server {index}; keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://index;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Accept-Encoding $encoding;
      proxy_ignore_headers Vary;
      proxy_cache all;
      proxy_cache_key "$uri $syntax $encoding";
      proxy_cache_valid 200 1d;
      proxy_cache_lock {lock};
    }}
  }}
}}
"""


def _head(setting: Setting) -> str:
    # Its workers become somebody who may not read the folders of root, unless told otherwise.
    return _HEAD.format(user="user root;\n" if is_root() else "", folder=setting.folder)


def _launch(program: Program, configuration: str, setting: Setting) -> Launch:
    file = setting.folder / "nginx.conf"
    file.write_text(configuration)
    command: list[str | Path] = [program.path, "-p", setting.folder, "-e", "stderr", "-c", file]
    return Launch(command=command, simple="simple/", environment=program.environment)


def version_of(program: Program) -> str:
    """What it says of itself, as `1.22.1`."""
    said = subprocess.run(
        [program.path, "-v"], env=dict(program.environment), capture_output=True, text=True, check=True
    )
    return said.stderr.strip().rpartition("/")[2]


@frozen(kw_only=True)
class NginxStatic:
    """Serves what a node answered, from disk."""

    program: Program
    version: str
    exported: Exported
    name: str = STATIC
    is_cache: bool = False
    wants_rooted_urls: bool = False

    def launch(self, setting: Setting) -> Launch:
        server = _STATIC.format(port=setting.port, root=self.exported.folder, json=ACCEPTS["JSON"])
        return _launch(self.program, _head(setting) + server, setting)

    def settle(self, setting: Setting) -> None:
        """Nothing."""


@frozen(kw_only=True)
class NginxCache:
    """Keeps what the index answers.  `locks`: one request at a time fetches what is not kept, and the others wait."""

    program: Program
    version: str
    locks: bool = False
    is_cache: bool = True
    wants_rooted_urls: bool = True

    @property
    def name(self) -> str:
        return LOCKED if self.locks else CACHE

    def launch(self, setting: Setting) -> Launch:
        shutil.rmtree(setting.folder / "proxy", ignore_errors=True)
        index = urlsplit(setting.index.url).netloc
        lock = "on" if self.locks else "off"
        server = _CACHE.format(port=setting.port, folder=setting.folder, index=index, lock=lock)
        return _launch(self.program, _head(setting) + server, setting)

    def settle(self, setting: Setting) -> None:
        """Nothing."""
