"""`tiercache serve`: the node in the foreground; the same service that twistd runs, without its options."""

from __future__ import annotations

import sys

import click

from tiercache.commands.memory import collect_nothing
from tiercache.commands.options import config_option


@click.command()
@config_option
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
def serve(config: str | None, log_format: str) -> None:
    """Run a node in the foreground.

    SIGINT (Ctrl-C) or SIGTERM ends it, once the downloads under way have ended or the configuration's
    `node: stop-timeout` has passed.  For a daemon, a pid file or a log file use `twistd tiercache`.
    """
    collect_nothing()
    from twisted.application.app import AppLogger, startApplication
    from twisted.application.service import Application, IService

    from tiercache import tap

    options = tap.Options()  # type: ignore[no-untyped-call]  # twisted's
    options["config"] = config
    options["log-format"] = log_format
    service = tap.makeService(options)
    application = Application("tiercache")
    service.setServiceParent(application)

    from twisted.internet import reactor

    logger = AppLogger({"logfile": "-"})
    logger.start(application)
    try:
        IService(application).privilegedStartService()
        startApplication(application, False)
    except tap.FORESEEN as error:
        # Standard error belongs to the log by now.
        click.echo(f"tiercache: {error}", file=sys.__stderr__)
        raise SystemExit(1) from error
    reactor.run()
    logger.stop()
