"""Whether a catalogue was lost; what makes it anew is `rebuild`."""

from __future__ import annotations

from tiercache.interfaces import ICatalogue, IFiles


def is_lost(files: IFiles, catalogue: ICatalogue) -> bool:
    """Whether a catalogue is new, and the store that it is to be of is not: there are records of what was hosted."""
    return catalogue.position().serial == 0 and next(iter(files.records.projects()), None) is not None
