"""A process that fills a store until it is killed: `filling_node ROOT`.

It prints the SHA-256 of each file whose commit and record were acknowledged.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from attrs import evolve

from tests.doubles.now import result_of
from tests.storage.samples import digest_of, entry, record, url_name
from tiercache.simple.model import ProjectName
from tiercache.storage.catalogue import SqlCatalogue
from tiercache.storage.folder import FolderFiles
from tiercache.storage.lock import StoreLock
from tiercache.storage.threads import on_the_spot


def main(root: Path) -> None:
    with StoreLock(root):
        files = FolderFiles.at(root)
        files.clean_up()
        catalogue = SqlCatalogue.open(root / "catalogue.sqlite", writer=on_the_spot)
        for number in itertools.count():
            data = (b"%d " % number) * (1000 * (number % 40 + 1))
            partial = files.begin()
            for start in range(0, len(data), 50_000):
                partial.write(data[start : start + 50_000])
            partial.commit(digest_of(data))
            partial.discard()
            named = evolve(record(data), identities=(url_name(f"https://files.example/{number}"),))
            result_of(catalogue.store_file(named))
            result_of(catalogue.store_entry(entry(ProjectName(f"p{number % 10}"), data[:20_000], serial=number)))
            print(digest_of(data), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
