"""Who is measured: this node, and each other server that can be had here; of those that cannot, why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from attrs import field, frozen

from benchmarks.peers import devpi, nginx, peryx, proxpi, pypiserver
from benchmarks.peers.content import Exported
from benchmarks.peers.environments import CannotBeHad, Program, PythonEnvironment
from benchmarks.peers.peer import Peer
from benchmarks.peers.this_node import NAME as NODE
from benchmarks.peers.this_node import ThisNode

Made = Callable[[PythonEnvironment], Peer]

_PYTHON: Mapping[str, tuple[tuple[str, ...], Made]] = {
    peryx.NAME: (peryx.REQUIREMENTS, lambda environment: peryx.Peryx(environment=environment)),
    proxpi.NAME: (proxpi.REQUIREMENTS, lambda environment: proxpi.Proxpi(environment=environment)),
    devpi.NAME: (devpi.REQUIREMENTS, lambda environment: devpi.Devpi(environment=environment)),
    pypiserver.NAME: (pypiserver.REQUIREMENTS, lambda environment: pypiserver.PypiServer(environment=environment)),
}

NAMES = (NODE, nginx.STATIC, nginx.CACHE, nginx.LOCKED, *_PYTHON)
"""In the order of the tables."""


@frozen(kw_only=True)
class LineUp:
    """The servers that are there, this node first, and by name why others are not."""

    peers: tuple[Peer, ...]
    missing: Mapping[str, str] = field(factory=dict)

    @classmethod
    def found(cls, folder: Path, wanted: frozenset[str], exported: Callable[[], Exported]) -> LineUp:
        """Install below `folder` those that are wanted.  `exported`: makes what the static server serves."""
        peers: list[Peer] = [ThisNode()]
        missing: dict[str, str] = {}
        if wanted & {nginx.STATIC, nginx.CACHE, nginx.LOCKED}:
            try:
                program = Program.found(folder, "nginx", "nginx")
            except CannotBeHad as problem:
                missing["nginx"] = str(problem)
            else:
                version = nginx.version_of(program)
                if nginx.STATIC in wanted:
                    peers.append(nginx.NginxStatic(program=program, version=version, exported=exported()))
                caches = [nginx.NginxCache(program=program, version=version, locks=locks) for locks in (False, True)]
                peers += [cache for cache in caches if cache.name in wanted]
        for name, (requirements, made) in _PYTHON.items():
            if name in wanted:
                try:
                    peers.append(made(PythonEnvironment.made(folder, name, *requirements)))
                except CannotBeHad as problem:
                    missing[name] = str(problem)
        return cls(peers=tuple(peers), missing=missing)
