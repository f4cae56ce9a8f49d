"""`tiercache prefetch`, `tiercache ready`: have a node fetch what files need, or ask whether it has it already.

Exit status 0 if everything can be installed offline, 3 if something is missing, 1 if the node does not do it or the
requirements cannot be met, 2 for words that mean nothing.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from tiercache.commands.node_option import chosen_node, long_node_options
from tiercache.commands.printable import printable, printable_lines
from tiercache.commands.wanted_options import wanted_from, wanted_options

if TYPE_CHECKING:
    from tiercache.wire.prefetch import JobState, Report, Unparseable

NOT_READY = 3
READY_WITHIN_S = 900.0
"""Several environments may be resolved for one answer, each for minutes."""

_json_option = click.option("--json", "as_json", is_flag=True, help="As JSON, and nothing beside it.")


@click.command()
@wanted_options
@click.option("--wait/--no-wait", default=True, help="Wait until it is done, or print the job and let it go on.")
@_json_option
@long_node_options
def prefetch(wait: bool, as_json: bool, node: str | None, token: str | None, config: str | None, **wanted: Any) -> None:
    """Have the node, and the nodes above it, fetch everything that files need, with what that needs.

    Ends with the answer whether it can be installed offline now. Exit status: 0 if so, 3 if something is missing, 1 if
    it went wrong, 2 for words that mean nothing.
    """
    import msgspec

    from tiercache.commands.job_events import followed
    from tiercache.commands.job_progress import progress
    from tiercache.wire import ROOT
    from tiercache.wire.prefetch import PREFETCH, JobState

    body = msgspec.to_builtins(wanted_from(**wanted))
    find = partial(chosen_node, node, token, config)
    state = find().said("POST", f"/{ROOT}{PREFETCH}", JobState, body)
    if not wait:
        click.echo(_json(state) if as_json else state.id)
        return
    with progress(is_quiet=as_json) as show:
        try:
            state = followed(find, state, show, time.sleep)
        except KeyboardInterrupt:
            click.echo(f"note: the job goes on; to end it: tiercache prefetches cancel {state.id}", err=True)
            raise click.Abort from None
    if as_json:
        click.echo(_json(state))
    else:
        _print_job(state)
    raise SystemExit(_status(state))


@click.command()
@wanted_options
@_json_option
@long_node_options
def ready(as_json: bool, node: str | None, token: str | None, config: str | None, **wanted: Any) -> None:
    """Ask the node whether everything that files need is stored there; it fetches no file for it.

    Exit status: 0 if so, 3 if something is missing, 1 if it cannot be said, 2 for words that mean nothing.
    """
    import msgspec

    from tiercache.wire import ROOT
    from tiercache.wire.prefetch import READY, Report

    body = msgspec.to_builtins(wanted_from(**wanted))
    there = chosen_node(node, token, config)
    report = there.said("POST", f"/{ROOT}{READY}", Report, body, within_s=READY_WITHIN_S)
    if as_json:
        click.echo(_json(report))
    else:
        _print_report(report)
    raise SystemExit(0 if report.ready else NOT_READY)


def _print_job(state: JobState) -> None:
    for file in state.files:
        if file.outcome == "failed":
            click.echo(f"{printable(file.filename)}: {printable(file.reason or 'it could not be had')}", err=True)
    for tier, said in state.handed_on.items():
        click.echo(f"note: {printable(tier)}: {printable(said)}", err=True)
    told = () if state.report is None else state.report.unparseable
    _print_unparseable(tuple(one for one in state.unparseable if one not in told))
    if state.report is not None:
        _print_report(state.report)
    elif state.reason is not None:
        click.echo(f"{state.phase}: {printable_lines(state.reason)}", err=True)
    else:
        click.echo(state.phase, err=True)


def _print_report(report: Report) -> None:
    from tiercache.prefetch.report_text import as_text

    click.echo(printable_lines(as_text(report)))


def _print_unparseable(those: tuple[Unparseable, ...]) -> None:
    for one in those:
        place = one.document if one.line is None else f"{one.document}:{one.line}"
        click.echo(f"not taken: {printable(place)}: {printable(one.text)}: {printable(one.reason)}", err=True)


def _status(state: JobState) -> int:
    if state.report is None:
        return 1
    return 0 if state.report.ready else NOT_READY


def _json(value: object) -> str:
    import msgspec

    return msgspec.json.encode(value).decode()
