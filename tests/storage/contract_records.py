"""What every `IRecords` does.  A test module of an implementation subclasses it and gives the fixture `records`."""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyObject

from tests.storage.samples import ACME, ZOO
from tiercache.errors import InvalidName
from tiercache.interfaces import IRecords
from tiercache.simple.model import ProjectName

WHEEL = "acme-1.0-py3-none-any.whl"
LONG = f"acme-1.0+{'x' * 239}.tar.gz"
"""As long as a filename may be."""


class RecordsContract:
    def test_records_provide_their_interface(self, records: IRecords) -> None:
        assert verifyObject(IRecords, records)

    @pytest.mark.parametrize("filename", ["", WHEEL, LONG, "x" * 250, "x" * 251, "long", "acme.json", "p\u00e9p.zip"])
    @pytest.mark.parametrize("size_bytes", [0, 1, 100_000])
    def test_a_record_comes_back_as_it_was_written(self, records: IRecords, filename: str, size_bytes: int) -> None:
        data = (b"{record}" * size_bytes)[:size_bytes]
        assert records.read(ACME, filename) is None
        records.write(ACME, filename, data)
        assert records.read(ACME, filename) == data
        assert records.read(ZOO, filename) is None
        assert list(records.projects()) == [ACME]
        assert list(records.filenames(ACME)) == ([filename] if filename else [])

    def test_a_record_is_replaced(self, records: IRecords) -> None:
        records.write(ACME, WHEEL, b"a longer one")
        records.write(ACME, WHEEL, b"new")
        assert records.read(ACME, WHEEL) == b"new"
        assert list(records.filenames(ACME)) == [WHEEL]

    def test_a_removed_record_is_gone_and_its_neighbours_are_not(self, records: IRecords) -> None:
        for filename in ("", WHEEL, LONG):
            records.write(ACME, filename, b"one")
        records.remove(ACME, WHEEL)
        records.remove(ACME, WHEEL)
        records.remove(ZOO, WHEEL)
        assert records.read(ACME, WHEEL) is None
        assert (records.read(ACME, ""), records.read(ACME, LONG)) == (b"one", b"one")
        records.remove(ACME, "")
        assert (list(records.projects()), list(records.filenames(ACME))) == ([ACME], [LONG])
        records.remove(ACME, LONG)
        assert (list(records.projects()), list(records.filenames(ACME))) == ([], [])

    def test_projects_and_filenames_are_sorted(self, records: IRecords) -> None:
        for name in ("zoo", "a-b", "a", "ab", "a1"):
            for filename in ("b.zip", "", "B.zip", "a.zip"):
                records.write(ProjectName(name), filename, b"")
        assert list(records.projects()) == ["a", "a-b", "a1", "ab", "zoo"]
        assert list(records.filenames(ZOO)) == ["B.zip", "a.zip", "b.zip"]

    @pytest.mark.parametrize(
        ("project", "filename"),
        [("..", ""), ("A", ""), ("a/b", ""), ("a", ".."), ("a", "../b"), ("a", ".hidden"), ("a", "b\x00"), ("", "a")],
    )
    def test_what_is_no_name_is_refused(self, records: IRecords, project: str, filename: str) -> None:
        for act in (
            lambda: records.write(ProjectName(project), filename, b""),
            lambda: records.read(ProjectName(project), filename),
            lambda: records.remove(ProjectName(project), filename),
        ):
            with pytest.raises(InvalidName):
                act()
        assert list(records.projects()) == []
