"""Makes of the statements of this room what SQLite is told: the modules of `tiercache.storage.sqlite`, as text."""

from __future__ import annotations

import json
import pprint
import textwrap
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from sqlalchemy import Boolean, Executable, Select
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from tiercache.storage import tables
from tiercache.storage.core import hosted, kept, news, statements, tokens

WRITTEN_FROM = (hosted, kept, news, statements, tokens)

_HEAD = '''"""{doc}

Made of `{source}` by `python -m tiercache.storage.core`: change that.
"""

from __future__ import annotations

from tiercache.storage.statement import Statement
'''
_SCHEMA_HEAD = f'''"""What makes the tables of a new catalogue.

Made of `{tables.__name__}` by `python -m tiercache.storage.core`: change that.
"""

# ruff: noqa: E501  # a line each, as SQLite keeps them

'''
_WIDTH = 112


def spelled(module: ModuleType) -> str:
    """The module of `tiercache.storage.sqlite` that is made of one of this room."""
    doc = str(module.__doc__).strip()
    head = _HEAD.format(doc=doc, source=module.__name__)
    return "\n".join([head, *(_spelled(name, statement) for name, statement in statements_of(module))])


def statements_of(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """The statements that have a public name, by it."""
    for name, value in vars(module).items():
        if name.isupper() and not name.startswith("_") and isinstance(value, Executable):
            yield name, value


def spelled_schema() -> str:
    """The module of `tiercache.storage.sqlite` that has what makes the tables."""
    made: list[Any] = []
    for table in tables.METADATA.sorted_tables:
        made.append(CreateTable(table))
        made += [CreateIndex(index) for index in sorted(table.indexes, key=lambda index: str(index.name))]
    texts = [str(one.compile(dialect=SQLiteDialect_pysqlite())).lstrip() for one in made]
    lines = "".join(f"    {json.dumps(text)},\n" for text in texts)
    return f"{_SCHEMA_HEAD}SCHEMA = (\n{lines})\n"


def _spelled(name: str, statement: Any) -> str:
    made = statement.compile(dialect=SQLiteDialect_pysqlite())
    text = textwrap.fill(" ".join(str(made).split()), _WIDTH, break_long_words=False, break_on_hyphens=False)
    arguments = [f'"""\n{textwrap.indent(text, "    ")}\n    """']
    columns = list(statement.selected_columns) if isinstance(statement, Select) else []
    for word, names in (
        ("names", made.positiontup or ()),
        ("columns", [column.key for column in columns]),
        ("flags", [column.key for column in columns if isinstance(column.type, Boolean)]),
    ):
        if names:
            arguments.append(f"{word}={_literal(tuple(names))}")
    always = {name: made.binds[name] for name in made.positiontup or () if not made.binds[name].required}
    if values := {name: bound.effective_value for name, bound in always.items()}:
        arguments.append(f"values={_literal(values)}")
    lines = "".join(f"    {argument},\n" for argument in arguments)
    return f"{name} = Statement(\n{lines})"


def _literal(value: Any) -> str:
    return pprint.pformat(value, width=1000).replace("'", '"')
