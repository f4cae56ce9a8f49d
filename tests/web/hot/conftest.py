"""What is answered from what is ready, by the node itself and by a worker of it."""

from __future__ import annotations

import pytest

from tests.web.hot.twins import MakeTwins, Twins, WorkerTwins


@pytest.fixture(params=[Twins, WorkerTwins], ids=["node", "worker"])
def make_twins(request: pytest.FixtureRequest) -> MakeTwins:
    """Makes a node that answers at once what it can, beside itself doing nothing of the kind."""
    made: MakeTwins = request.param
    return made
