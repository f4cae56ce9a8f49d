"""What every `ICatalogue` does with the tokens that a node issued.

A test module of an implementation subclasses it and gives the fixture `catalogue`.
"""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from tests.doubles.now import result_of
from tiercache.access.tokens import IssuedToken, token_digest
from tiercache.errors import StoreUnusable
from tiercache.interfaces import ICatalogue
from tiercache.simple.patterns import ProjectPatterns


def issued(one: str = "0123456789abcdef", **changes: Any) -> IssuedToken:
    values: dict[str, Any] = {
        "id": one,
        "digest": token_digest(f"tiercache-{one}"),
        "name": "ci",
        "owner": "alice",
        "may": frozenset(["read", "publish"]),
        "projects": ProjectPatterns(("acme-*", "!acme-secret")),
        "made_at": 1000.25,
    }
    return IssuedToken(**values | changes)


class TokensContract:
    def test_a_token_comes_back_as_it_was_stored_by_its_digest_alone(self, catalogue: ICatalogue) -> None:
        whole = issued(kind="publisher", owner="acme: tools", expires_at=2000.5, used_at=1500.125, name="\u2620 'ci'")
        result_of(catalogue.store_token(whole))
        assert catalogue.token(whole.digest) == whole
        assert catalogue.token(whole.id) is None
        assert catalogue.token(whole.digest.upper()) is None
        assert catalogue.token("") is None

    def test_tokens_are_listed_oldest_first(self, catalogue: ICatalogue) -> None:
        assert catalogue.tokens() == []
        late, early, also_early = issued("c", made_at=2.0), issued("b", made_at=1.0), issued("a", made_at=1.0)
        for token in (late, early, also_early):
            result_of(catalogue.store_token(token))
        assert catalogue.tokens() == [also_early, early, late]

    def test_a_token_that_is_stored_again_is_replaced_with_its_digest(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_token(issued()))
        other = issued(digest=token_digest("tiercache-other"), name="other", owner="", kind="operator")
        result_of(catalogue.store_token(other))
        assert catalogue.tokens() == [other]
        assert catalogue.token(issued().digest) is None

    def test_two_tokens_never_have_one_digest(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_token(issued("a")))
        with pytest.raises(StoreUnusable):
            result_of(catalogue.store_token(issued("b", digest=issued("a").digest)))
        assert catalogue.tokens() == [issued("a")]

    def test_forgotten_tokens_are_gone_and_the_others_stay(self, catalogue: ICatalogue) -> None:
        for one in "abc":
            result_of(catalogue.store_token(issued(one)))
        result_of(catalogue.forget_tokens(["a", "c", "unknown"]))
        result_of(catalogue.forget_tokens([]))
        assert catalogue.tokens() == [issued("b")]
        assert catalogue.token(issued("a").digest) is None

    def test_use_is_noted_of_what_is_there(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.store_token(issued("a")))
        result_of(catalogue.store_token(issued("b", used_at=3.0)))
        result_of(catalogue.touch_tokens({"a": 5.5, "unknown": 9.0}))
        result_of(catalogue.touch_tokens({}))
        assert catalogue.tokens() == [evolve(issued("a"), used_at=5.5), issued("b", used_at=3.0)]

    def test_a_token_for_nothing_and_for_everything_comes_back(self, catalogue: ICatalogue) -> None:
        for one, may, projects in (
            ("a", [], ()),
            ("b", ["read", "prefetch", "publish", "manage", "administer"], ("*",)),
        ):
            token = issued(one, may=frozenset(may), projects=ProjectPatterns(projects))
            result_of(catalogue.store_token(token))
            assert catalogue.token(token.digest) == token

    def test_a_closed_catalogue_takes_no_more_tokens(self, catalogue: ICatalogue) -> None:
        result_of(catalogue.close())
        for write in (
            catalogue.store_token(issued()),
            catalogue.forget_tokens(["a"]),
            catalogue.touch_tokens({"a": 1.0}),
        ):
            with pytest.raises(StoreUnusable, match="closed"):
                result_of(write)
