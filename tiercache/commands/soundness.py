"""`tiercache fsck`: whether every stored file is what it is called."""

from __future__ import annotations

import click

from tiercache.commands.options import config_option, configuration


@click.command()
@click.option("--repair", is_flag=True, help="Also remove the files that the catalogue knows nothing of.")
@click.option("--rebuild", is_flag=True, help="Make what the catalogue knows of hosted projects anew. No node may run.")
@config_option
def fsck(repair: bool, rebuild: bool, config: str | None) -> None:
    """Read every stored file, and put aside what is damaged.

    A damaged file goes into quarantine and is forgotten, as is what is recorded and not there: the node fetches it
    anew.  It may run while the node does.  With --rebuild the pages of hosted projects, what is deleted, and who did
    what are made anew of the records that stand beside the files.  What was published is never removed.  Exit status
    0 if all was sound, 1 if something was not.
    """
    import time

    from tiercache.commands.embedded_store import opened_store
    from tiercache.storage.fsck import check
    from tiercache.storage.rebuild import rebuild as rebuilt

    flaws = 0
    with opened_store(configuration(config), is_to_be_rebuilt=rebuild) as store:
        if rebuild:
            flaws = rebuilt(store.files, store.catalogue, now=time.time(), report=click.echo)
        report = check(store.files, store.catalogue, report=lambda finding: click.echo(str(finding)), repair=repair)
    mib = report.size_bytes / (1 << 20)
    is_sound = report.is_sound and not flaws
    verdict = "sound" if is_sound else "not sound"
    findings = len(report.findings) + flaws
    click.echo(f"{report.files} files, {mib:.1f} MiB read, {findings} findings: {verdict}", err=True)
    if not is_sound:
        raise SystemExit(1)
