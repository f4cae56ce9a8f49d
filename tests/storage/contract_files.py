"""What every `IFiles` does.  A test module of an implementation subclasses it and gives the fixture `files`."""

from __future__ import annotations

import os
import threading
from io import BytesIO
from pathlib import Path

import pytest
from zope.interface.verify import verifyObject

from tests.storage.samples import digest_of, stored
from tiercache.errors import FileAbsent, InvalidName
from tiercache.interfaces import IFiles, IPartial

WHEEL = b"wheel " * 1000
NO_DIGESTS = ["", "ab", "../../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a" * 63 + "\n", "a" * 64 + "\n"]


class FilesContract:
    def test_files_and_partials_provide_their_interfaces(self, files: IFiles) -> None:
        assert verifyObject(IFiles, files)
        partial = files.begin()
        assert verifyObject(IPartial, partial)
        partial.discard()

    def test_what_was_committed_is_there_with_its_length(self, files: IFiles) -> None:
        sha256 = stored(files, WHEEL)
        assert files.size(sha256) == len(WHEEL)
        with files.open(sha256) as stored_file:
            assert stored_file.read() == WHEEL
        assert list(files.all()) == [(sha256, len(WHEEL))]

    def test_an_empty_file_is_a_file(self, files: IFiles) -> None:
        sha256 = stored(files, b"")
        assert files.size(sha256) == 0
        with files.open(sha256) as stored_file:
            assert stored_file.read() == b""

    def test_what_is_not_there_is_absent(self, files: IFiles) -> None:
        assert files.size(digest_of(b"none")) is None
        with pytest.raises(FileAbsent):
            files.open(digest_of(b"none"))
        assert list(files.all()) == []

    @pytest.mark.parametrize("name", NO_DIGESTS)
    def test_what_is_no_digest_names_no_file(self, files: IFiles, name: str) -> None:
        assert files.size(name) is None
        with pytest.raises(FileAbsent):
            files.open(name)
        files.remove(name)
        files.quarantine(name)
        partial = files.begin()
        with pytest.raises(InvalidName):
            partial.commit(name)
        partial.discard()
        assert list(files.all()) == []

    @pytest.mark.parametrize("size_bytes", [0, 1, len(WHEEL) - 1, len(WHEEL), len(WHEEL) + 1, 2**40])
    def test_a_file_of_this_machine_is_copied_from_where_it_stands_on(
        self, files: IFiles, tmp_path: Path, size_bytes: int
    ) -> None:
        path = tmp_path / "source"
        path.write_bytes(b"before" + WHEEL)
        partial = files.begin()
        partial.write(b"first ")
        with path.open("rb") as source:
            source.read(len(b"before"))
            assert partial.copy(source, size_bytes) == min(size_bytes, len(WHEEL))
            assert partial.copy(source, 2**40) == max(0, len(WHEEL) - size_bytes)
        partial.write(b" last")
        whole = b"first " + WHEEL + b" last"
        assert partial.read(0, 2**20) == whole
        partial.commit(digest_of(whole))
        assert path.read_bytes() == b"before" + WHEEL
        path.write_bytes(b"changed")
        with files.open(digest_of(whole)) as stored_file:
            assert stored_file.read() == whole
        partial.discard()

    def test_what_no_file_system_can_copy_is_read_and_written(self, files: IFiles) -> None:
        partial = files.begin()
        assert partial.copy(BytesIO(WHEEL), 2**40) == len(WHEEL)
        assert partial.read(0, 2**20) == WHEEL
        partial.discard()

    def test_pieces_are_written_one_behind_the_other(self, files: IFiles) -> None:
        partial = files.begin()
        partial.write(b"first", b"", b" second")
        partial.write()
        many = [bytes([at % 256]) for at in range(3000)]  # more than a system takes at once
        partial.write(*many)
        assert partial.read(0, 2**20) == b"first second" + b"".join(many)
        partial.discard()

    def test_a_partial_is_invisible_until_committed(self, files: IFiles) -> None:
        partial = files.begin()
        partial.write(WHEEL)
        assert files.size(digest_of(WHEEL)) is None
        assert list(files.all()) == []
        partial.commit(digest_of(WHEEL))
        assert files.size(digest_of(WHEEL)) == len(WHEEL)
        partial.discard()

    @pytest.mark.parametrize("before", [[], [True], [False]])
    @pytest.mark.parametrize("lasting", [True, False])
    def test_a_name_is_given_whether_or_not_it_has_to_last(
        self, files: IFiles, before: list[bool], lasting: bool
    ) -> None:
        for lasts in (*before, lasting):
            partial = files.begin()
            partial.write(WHEEL)
            partial.commit(digest_of(WHEEL), lasting=lasts)
            partial.discard()
        with files.open(digest_of(WHEEL)) as stored_file:
            assert stored_file.read() == WHEEL
        assert list(files.all()) == [(digest_of(WHEEL), len(WHEEL))]

    def test_a_discarded_partial_leaves_nothing(self, files: IFiles) -> None:
        partial = files.begin()
        partial.write(WHEEL)
        partial.discard()
        partial.discard()
        assert list(files.all()) == []

    def test_a_partial_is_read_while_it_grows_and_after_its_commit(self, files: IFiles) -> None:
        partial = files.begin()
        assert partial.read(0, 10) == b""
        partial.write(b"0123456789")
        assert partial.read(0, 4) == b"0123"
        assert partial.read(8, 100) == b"89"
        assert partial.read(10, 100) == b""
        assert partial.read(11, 100) == b""
        partial.write(b"abc")
        assert partial.read(8, 100) == b"89abc"
        partial.commit(digest_of(b"0123456789abc"))
        assert partial.read(0, 100) == b"0123456789abc"
        partial.discard()

    def test_a_descriptor_that_is_lent_is_good_until_it_is_taken_back(self, files: IFiles) -> None:
        partial = files.begin()
        partial.write(WHEEL)
        descriptor = partial.lend()
        if descriptor is None:  # it is in memory
            partial.discard()
            return
        partial.discard()
        assert os.pread(descriptor, len(WHEEL), 0) == WHEEL
        partial.take_back()
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
        assert partial.lend() is None

    def test_a_stored_file_outlives_the_discarding_of_its_partial(self, files: IFiles) -> None:
        sha256 = stored(files, WHEEL)
        assert files.size(sha256) == len(WHEEL)

    def test_the_readers_of_a_partial_go_on_when_the_stored_file_is_removed(self, files: IFiles) -> None:
        partial = files.begin()
        partial.write(WHEEL)
        partial.commit(digest_of(WHEEL))
        files.remove(digest_of(WHEEL))
        assert partial.read(0, len(WHEEL)) == WHEEL
        partial.discard()

    def test_a_second_fill_of_the_same_file_keeps_the_first(self, files: IFiles) -> None:
        sha256 = stored(files, WHEEL)
        with files.open(sha256) as opened:
            partial = files.begin()
            partial.write(WHEEL)
            partial.commit(sha256)
            assert partial.read(0, len(WHEEL)) == WHEEL
            partial.discard()
            assert opened.read() == WHEEL
        assert list(files.all()) == [(sha256, len(WHEEL))]

    def test_a_committed_partial_takes_no_more_bytes(self, files: IFiles) -> None:
        partial = files.begin()
        partial.write(WHEEL)
        partial.commit(digest_of(WHEEL))
        with pytest.raises(ValueError, match="immutable"):
            partial.write(b"more")
        partial.discard()
        assert files.size(digest_of(WHEEL)) == len(WHEEL)

    def test_a_discarded_partial_refuses_to_be_used(self, files: IFiles) -> None:
        partial = files.begin()
        partial.discard()
        with pytest.raises(ValueError, match="discarded"):
            partial.write(b"more")
        with pytest.raises(ValueError, match="discarded"):
            partial.read(0, 1)
        with pytest.raises(ValueError, match="discarded"):
            partial.commit(digest_of(b""))

    def test_a_removed_file_is_gone_and_its_readers_go_on(self, files: IFiles) -> None:
        sha256 = stored(files, WHEEL)
        with files.open(sha256) as opened:
            files.remove(sha256)
            files.remove(sha256)
            assert files.size(sha256) is None
            assert opened.read() == WHEEL

    def test_a_removed_file_can_be_brought_in_again(self, files: IFiles) -> None:
        sha256 = stored(files, WHEEL)
        files.remove(sha256)
        assert stored(files, WHEEL) == sha256
        assert files.size(sha256) == len(WHEEL)

    def test_a_file_in_quarantine_is_not_served_and_can_be_brought_in_again(self, files: IFiles) -> None:
        sha256 = stored(files, WHEEL)
        files.quarantine(sha256)
        files.quarantine(sha256)
        assert files.size(sha256) is None
        assert list(files.all()) == []
        stored(files, WHEEL)
        files.quarantine(sha256)
        assert files.size(sha256) is None
        stored(files, WHEEL)
        assert files.size(sha256) == len(WHEEL)

    def test_files_may_come_and_go_while_they_are_listed(self, files: IFiles) -> None:
        digests = {stored(files, b"%d" % number) for number in range(50)}
        listed = []
        for sha256, _size in files.all():
            listed.append(sha256)
            files.remove(sha256)
            stored(files, b"new " + sha256.encode())
        assert digests <= set(listed)
        assert len(listed) == len(set(listed))

    def test_thirty_threads_read_a_growing_partial_from_its_first_byte_to_its_last(self, files: IFiles) -> None:
        chunks = [bytes([number]) * 5000 for number in range(100)]
        whole = b"".join(chunks)
        partial = files.begin()
        grown = threading.Condition()
        finished = False
        seen: list[bytes] = []

        def read_behind(step: int) -> None:
            mine = bytearray()

            def more_is_there() -> bool:
                return finished or partial.read(len(mine), 1) != b""

            while len(mine) < len(whole):
                mine += partial.read(len(mine), step)
                with grown:
                    grown.wait_for(more_is_there, timeout=10)
            seen.append(bytes(mine))

        readers = [threading.Thread(target=read_behind, args=(1000 + 977 * number,)) for number in range(30)]
        for reader in readers:
            reader.start()
        for chunk in chunks:
            partial.write(chunk)
            with grown:
                grown.notify_all()
        partial.commit(digest_of(whole))
        with grown:
            finished = True
            grown.notify_all()
        for reader in readers:
            reader.join(timeout=30)
        assert len(seen) == 30
        assert set(seen) == {whole}
        partial.discard()

    def test_a_discard_under_a_reader_never_gives_it_other_bytes(self, files: IFiles) -> None:
        for _ in range(30):
            partial = files.begin()
            partial.write(WHEEL)
            wrong: list[bytes] = []
            started = threading.Barrier(5)

            def read_on(
                partial: IPartial = partial, wrong: list[bytes] = wrong, go: threading.Barrier = started
            ) -> None:
                go.wait(timeout=10)
                while True:
                    try:
                        data = partial.read(0, len(WHEEL))
                    except ValueError:
                        return
                    if data != WHEEL:
                        wrong.append(data)
                        return

            readers = [threading.Thread(target=read_on) for _ in range(4)]
            for reader in readers:
                reader.start()
            started.wait(timeout=10)
            partial.discard()
            others = [files.begin() for _ in range(4)]  # these take the numbers of closed descriptors
            for other in others:
                other.write(b"other " * 1000)
            for reader in readers:
                reader.join(timeout=10)
                assert not reader.is_alive()
            for other in others:
                other.discard()
            assert wrong == []
