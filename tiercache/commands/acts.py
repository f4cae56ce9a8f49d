"""`tiercache acts`: who did what to hosted projects, and when."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

import click

from tiercache.commands.node_option import chosen_node, node_options


@click.command()
@click.argument("project", required=False)
@click.option("--since", type=click.IntRange(min=0), help="Those after this number. Default: the newest.")
@click.option("--most", type=click.IntRange(1, 1000), default=100, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, one act a line.")
@node_options
def acts(
    project: str | None,
    since: int | None,
    most: int,
    as_json: bool,
    node: str | None,
    token: str | None,
    config: str | None,
) -> None:
    """Print the audit trail, or that of PROJECT: number, time, who, what, and what about it; oldest first."""
    import json

    there = chosen_node(node, token, config)
    path = "/api/v1/acts" if project is None else f"/api/v1/projects/{quote(project, safe='')}/acts"
    query = {"most": most} if since is None else {"most": most, "since": since}
    for act in there.ask("GET", f"{path}?{urlencode(query)}")["acts"]:
        click.echo(json.dumps(act) if as_json else _line(act))


def _line(act: dict[str, Any]) -> str:
    from datetime import UTC, datetime

    when = datetime.fromtimestamp(act["at"], UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    about = act["filename"] or act["project"]
    return "  ".join(filter(None, (str(act["number"]), when, act["by"] or "-", act["what"], about, act["detail"])))
