"""`tiercache prefetches`: the jobs of a node, and ending one."""

from __future__ import annotations

import click

from tiercache.commands.node_option import chosen_node, node_options


@click.group()
def prefetches() -> None:
    """List what a node was asked to fetch, show one of them, or end it."""


@prefetches.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@node_options
def list_(as_json: bool, node: str | None, token: str | None, config: str | None) -> None:
    """Print every job, the newest first: its id, when it began, how it is, and what it is about."""
    import msgspec

    from tiercache.commands.job_progress import line_of
    from tiercache.commands.printable import printable
    from tiercache.wire import ROOT
    from tiercache.wire.prefetch import PREFETCH, Jobs

    jobs = chosen_node(node, token, config).said("GET", f"/{ROOT}{PREFETCH}", Jobs)
    if as_json:
        click.echo(msgspec.json.encode(jobs).decode())
        return
    for job in jobs.jobs:
        click.echo(
            "  ".join(filter(None, (printable(job.id), _when(job.created_at), line_of(job), printable(job.what))))
        )


@prefetches.command()
@click.argument("job")
@node_options
def cancel(job: str, node: str | None, token: str | None, config: str | None) -> None:
    """End JOB where it is. What it has brought in stays."""
    from tiercache.commands.job_events import path_of
    from tiercache.commands.job_progress import line_of
    from tiercache.wire.prefetch import JobState

    click.echo(line_of(chosen_node(node, token, config).said("DELETE", path_of(job), JobState)))


@prefetches.command()
@click.argument("job")
@node_options
def show(job: str, node: str | None, token: str | None, config: str | None) -> None:
    """Print JOB as JSON, with what became of each file, and its report."""
    import msgspec

    from tiercache.commands.job_events import whole

    state = whole(chosen_node(node, token, config), job)
    click.echo(msgspec.json.format(msgspec.json.encode(state)).decode())


def _when(at: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%MZ")
