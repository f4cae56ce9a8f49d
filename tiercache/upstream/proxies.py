"""Which proxy a request goes through, by the usual environment variables.  Connecting is done elsewhere."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from attrs import field, frozen

from tiercache.errors import ConfigInvalid, Problem
from tiercache.upstream.credentials import basic
from tiercache.upstream.target import Host, Target


@frozen(kw_only=True)
class Proxy:
    """One HTTP proxy; `authorization` is the value of its Proxy-Authorization header."""

    host: Host
    authorization: str | None = field(default=None, repr=False)


@frozen(kw_only=True)
class Proxies:
    """The proxies by scheme of what is asked, and the hosts that are asked without one."""

    by_scheme: Mapping[str, Proxy] = field(factory=dict)
    exempt: tuple[str, ...] = ()

    def proxy_for(self, host: Host) -> Proxy | None:
        """The proxy for requests to a host, or None for the direct way."""
        proxy = self.by_scheme.get(host.scheme)
        return None if proxy is None or any(_covers(rule, host) for rule in self.exempt) else proxy


def proxies_from(environment: Mapping[str, str]) -> Proxies:
    """Read HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in any case; lower case wins, as it does for curl and pip.

    Raises ConfigInvalid for a proxy of a kind that is not spoken (SOCKS) or that is no URL.
    """
    by_scheme: dict[str, Proxy] = {}
    problems: list[Problem] = []
    for scheme in ("http", "https"):
        for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY", "all_proxy", "ALL_PROXY"):
            if environment.get(name):
                try:
                    by_scheme[scheme] = _proxy(environment[name])
                except ValueError as error:
                    problems.append(Problem(place=name, what=f"this is no proxy that can be used: {error}"))
                break
    if problems:
        raise ConfigInvalid(source="in the environment", problems=tuple(dict.fromkeys(problems)))
    rules = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return Proxies(by_scheme=by_scheme, exempt=tuple(rules.replace(",", " ").lower().split()))


def _proxy(text: str) -> Proxy:
    target = Target.parse(text if "://" in text else f"http://{text}")
    authorization = None if target.user is None else basic(target.user, target.password or "")
    return Proxy(host=target.host, authorization=authorization)


def _covers(rule: str, host: Host) -> bool:
    """Whether a word of NO_PROXY covers a host: `*`, a name with all below it, an address, a network, each `:port`."""
    if rule == "*":
        return True
    try:
        return ipaddress.ip_address(host.name) in ipaddress.ip_network(rule.strip("[]"), strict=False)
    except ValueError:
        pass  # one of them is a name, or the rule has a port
    name, colon, port = rule.rpartition(":")
    if colon and port.isdigit():
        if int(port) != host.port:
            return False
        rule = name
    rule = rule.strip("[]").removeprefix("*").removeprefix(".")
    return bool(rule) and (host.name == rule or host.name.endswith("." + rule))
