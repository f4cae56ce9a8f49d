"""A node that has all that a client needs to install once more what it has installed."""

from __future__ import annotations

from tests.doubles.clients import Client, Installation, Pip
from tests.doubles.processes import RunningNode


def have_all_kept(node: RunningNode, client: Client, installed: Installation, pip: Pip) -> None:
    """Wait until the node keeps it.

    poetry and pdm lock for every platform, and ask about projects whose files are wanted on another one only.  What
    `/local/` has was fetched: who is to lock from it has to fetch these once, which a guess may have done by chance.
    """
    elsewhere = client.locked_elsewhere(installed)
    for requirement in elsewhere:
        assert pip.download(node.simple, requirement, options=["--no-deps"])[0].succeeded
    node.wait_until_kept({**installed.versions, **dict(requirement.split("==") for requirement in elsewhere)})
