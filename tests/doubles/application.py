"""An application and what it needs, listed on the far index of joined nodes; and a resolver that asks as uv does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import urljoin

from tests.doubles.chain_of_nodes import BASE, FILES, ChainOfNodes, JoinedNode
from tests.doubles.small_node import sha256, wheel
from tests.doubles.tier_http import JSON_TYPE, http_answer

UV = "uv/0.12.0 " + json.dumps(
    {
        "installer": {"name": "uv", "version": "0.12.0", "subcommand": ["pip", "compile"]},
        "python": "3.12.4",
        "implementation": {"name": "CPython", "version": "3.12.4"},
        "distro": {"name": "Debian", "version": "12", "libc": {"lib": "glibc", "version": "2.36"}},
        "system": {"name": "Linux", "release": "6.1"},
        "cpu": "x86_64",
    }
)
"""What uv says of itself when it resolves, and of where it would install."""

Needs = Mapping[str, Iterable[str]]
"""For each project what its only release requires, as `Requires-Dist` has it."""


def layers(*sizes: int) -> dict[str, list[str]]:
    """An application `app` that needs all of the first layer; each project of a layer needs two of the next."""
    names = [[f"layer{depth}-{number}" for number in range(size)] for depth, size in enumerate(sizes)]
    needs: dict[str, list[str]] = {"app": names[0]}
    for depth, layer in enumerate(names):
        below = names[depth + 1] if depth + 1 < len(names) else []
        for number, name in enumerate(layer):
            share = range(number * len(below) // len(layer), (number + 1) * len(below) // len(layer))
            needs[name] = [*(below[one] for one in share), *below[:1]]
    return needs


def metadata_of(project: str, requires: Iterable[str]) -> bytes:
    """The core metadata of its only release."""
    lines = [f"Requires-Dist: {one}\n" for one in requires]
    return f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n{''.join(lines)}".encode()


def lists_all(chain: ChainOfNodes, needs: Needs, **head: str) -> None:
    """Let the index have these projects, a wheel of each with its sidecar; `head`: fields of the pages' heads."""
    for project, requires in needs.items():
        metadata = metadata_of(project, requires)
        stem = project.replace("-", "_")
        filename = f"{stem}-1.0-py3-none-any.whl"
        content = wheel(stem, "1.0", metadata)
        file = {
            "filename": filename,
            "url": FILES + filename,
            "hashes": {"sha256": sha256(content)},
            "size": len(content),
            "core-metadata": {"sha256": sha256(metadata)},
        }
        page = {"meta": {"api-version": "1.1"}, "name": project, "versions": ["1.0"], "files": [file]}
        body = json.dumps(page).encode()
        fields = {"Content-Type": JSON_TYPE, "Cache-Control": "max-age=600", **head}
        chain.index.on(f"GET {BASE}{project}/", http_answer(200, body, fields))
        chain.index.on(f"GET {FILES}{filename}.metadata", http_answer(200, metadata))
        chain.index.on(f"GET {FILES}{filename}", http_answer(200, content))


def resolve(node: JoinedNode, *roots: str, user_agent: str = UV, max_waves: int = 50) -> list[str]:
    """Resolve as uv does: the pages of a wave at the same moment, then the sidecars, then what those need.

    Returns every project that was needed.
    """
    wave, met = list(roots), dict.fromkeys(roots)
    while wave and max_waves:
        max_waves -= 1
        pages = {
            project: node.send(f"/simple/{project}/", {"Accept": JSON_TYPE, "User-Agent": user_agent})
            for project in wave
        }
        node.chain.settle()
        sidecars = {}
        for project, connection in pages.items():
            reply = connection.reply()
            assert reply.status == 200, (project, reply)
            [file] = json.loads(reply.body)["files"]
            path = urljoin(f"/simple/{project}/", file["url"]) + ".metadata"
            sidecars[project] = node.send(path, {"User-Agent": user_agent})
        node.chain.settle()
        wave = []
        for project, connection in sidecars.items():
            reply = connection.reply()
            assert reply.status == 200, (project, reply)
            for line in reply.body.decode().splitlines():
                name = line.removeprefix("Requires-Dist: ")
                if name != line and name not in met:
                    met[name] = None
                    wave.append(name)
    return list(met)


def asked(node: JoinedNode) -> list[str]:
    """What came to a node, but for what its feed and its state were asked for."""
    every = [f"{request.method} {request.path}" for request in node.received]
    return [one for one in every if one.startswith("POST") or not one.startswith("GET /api/")]
