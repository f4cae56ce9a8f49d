"""What every `ICatalogue` remembers of prefetches.

A test module of an implementation subclasses it and gives the fixture `catalogue`.
"""

from __future__ import annotations

from zope.interface.verify import verifyObject

from tests.doubles.now import result_of
from tiercache.interfaces import ICatalogue, IKeptJobs, KeptJob


def kept(id_: str, at: float, data: bytes = b"{}") -> KeptJob:
    return KeptJob(id=id_, created_at=at, data=data)


class KeptJobsContract:
    def test_it_provides_its_interface(self, catalogue: ICatalogue) -> None:
        assert verifyObject(IKeptJobs, catalogue.kept_jobs)
        assert list(catalogue.kept_jobs.all()) == []

    def test_jobs_come_back_oldest_first_as_they_were_stored(self, catalogue: ICatalogue) -> None:
        jobs = [kept("b", 3.5), kept("c", 1.25, bytes(range(256)) * 1000), kept("a", 3.5, b"")]
        for job in jobs:
            result_of(catalogue.kept_jobs.store(job))
        assert list(catalogue.kept_jobs.all()) == [jobs[1], jobs[2], jobs[0]]

    def test_a_job_is_there_once_as_it_was_stored_last(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.kept_jobs.store(kept("a", 1.0, b"waiting")))
        result_of(catalogue.kept_jobs.store(kept("a", 1.0, b"done")))
        assert list(catalogue.kept_jobs.all()) == [kept("a", 1.0, b"done")]

    def test_what_is_forgotten_is_not_there_and_to_forget_it_again_is_harmless(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.kept_jobs.store(kept("a", 1.0)))
        for _ in range(2):
            result_of(catalogue.kept_jobs.forget("a"))
            assert list(catalogue.kept_jobs.all()) == []
