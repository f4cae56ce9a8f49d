"""`tiercache fsck`: whether every stored file is what it is called."""

from __future__ import annotations

import click

from tiercache.commands.options import config_option, configuration


@click.command()
@click.option("--repair", is_flag=True, help="Also remove the files that the catalogue knows nothing of.")
@config_option
def fsck(repair: bool, config: str | None) -> None:
    """Read every stored file, and put aside what is damaged.

    A damaged file goes into quarantine and is forgotten, as is what is recorded and not there: the node fetches it
    anew.  It may run while the node does.  Exit status 0 if all was sound, 1 if something was not.
    """
    from tiercache.commands.embedded_store import opened_store
    from tiercache.storage.fsck import check

    with opened_store(configuration(config)) as store:
        report = check(store.files, store.catalogue, report=lambda finding: click.echo(str(finding)), repair=repair)
    mib = report.size_bytes / (1 << 20)
    verdict = "sound" if report.is_sound else "not sound"
    click.echo(f"{report.files} files, {mib:.1f} MiB read, {len(report.findings)} findings: {verdict}", err=True)
    if not report.is_sound:
        raise SystemExit(1)
