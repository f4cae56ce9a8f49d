"""Where a client believes this node to be, for the few answers that must hold an absolute URL.

A Host field is a stranger's text: it is used only if it is nothing but a host and a port (RFC 9110 section 7.2).
"""

from __future__ import annotations

import re

from twisted.web.iweb import IRequest

_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(
    rf"(?P<name>(?=[^:]{{1,253}}(?::|$)){_LABEL}(?:\.{_LABEL})*\.?|\[[0-9A-Fa-f:.]{{2,45}}\])(?::(?P<port>[0-9]{{1,5}}))?"
)


def is_host(text: str) -> bool:
    """Whether this is a host, perhaps with a port, and nothing else."""
    found = _HOST.fullmatch(text)
    return found is not None and (found["port"] is None or int(found["port"]) < 1 << 16)


def stated_host(request: IRequest) -> str | None:
    """The Host that the request states, if it states one, once, and it is one."""
    stated = request.requestHeaders.getRawHeaders(b"host", [])
    if len(stated) != 1:
        return None
    host = stated[0].decode("latin-1").strip()
    return host if is_host(host) else None


def base_url(request: IRequest, public_url: str | None) -> str:
    """This node's root as the client sees it, ending in a slash: the configured `public_url`, else from Host.

    A request without a Host (HTTP/1.0) is answered with the address that it came to.
    """
    if public_url is not None:
        return public_url if public_url.endswith("/") else f"{public_url}/"
    scheme = "https" if request.isSecure() else "http"
    host = stated_host(request)
    if host is None:
        here = request.getHost()
        name = str(getattr(here, "host", "localhost"))
        host = f"[{name}]" if ":" in name else name
        if hasattr(here, "port"):
            host = f"{host}:{here.port}"
    return f"{scheme}://{host}/"
