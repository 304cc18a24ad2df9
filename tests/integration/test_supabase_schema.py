"""The SQL that is shipped for a destination's own database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.architecture.subprocesses import ROOT

if TYPE_CHECKING:
    from tests.integration.testdatabase import TestDatabase

SCHEMA = (ROOT / "ops/supabase/schema.sql").read_bytes()
ADD = """
    INSERT INTO public.tillgate_event (event_id, tenant_id, type, source, idempotency_key,
        occurred_at, entity_id, entity_version, data, received_at, stored_at)
    VALUES (gen_random_uuid(), '11111111-1111-4111-8111-11111111aaaa', %s, %s, 'k', %s, %s, %s,
        %s, now(), clock_timestamp())
"""


def test_it_may_be_run_again(empty_database: TestDatabase) -> None:
    with empty_database.superuser() as superuser:
        superuser.execute(SCHEMA)
        superuser.execute(SCHEMA)

        assert superuser.execute("SELECT count(*) FROM public.entity_state").fetchone() == (0,)


def test_an_entity_stands_as_its_highest_version_says(empty_database: TestDatabase) -> None:
    rows = [
        ("newest", "api", "2026-11-23T10:00:00Z", "order-1", 3),
        ("older", "api", "2026-11-23T12:00:00Z", "order-1", 2),
        ("unversioned", "api", "2026-11-23T13:00:00Z", "order-1", None),
        ("early", "api", "2026-11-23T10:00:00Z", "order-2", 1),
        ("late", "api", "2026-11-23T11:00:00Z", "order-2", 1),
        ("undated", "api", None, "order-2", 1),
        ("another", "s2", None, "order-2", None),
        ("of nothing", "api", None, None, None),
    ]
    for order in (rows, rows[::-1]):
        with empty_database.superuser() as superuser:
            superuser.execute("DROP TABLE IF EXISTS public.tillgate_event CASCADE")
            superuser.execute(SCHEMA)
            for row in order:
                superuser.execute(ADD, (*row, "{}"))
            found = superuser.execute(
                "SELECT entity_id, source, type FROM public.entity_state ORDER BY 1, 2"
            ).fetchall()
        assert found == [
            ("order-1", "api", "newest"),
            ("order-2", "api", "late"),
            ("order-2", "s2", "another"),
        ]


def test_data_stays_as_it_was_written(empty_database: TestDatabase) -> None:
    data = '{"big":' + "9" * 400 + ',"nul":"\\u0000","price":12.10,"tiny":-0.0}'
    with empty_database.superuser() as superuser:
        superuser.execute(SCHEMA)
        superuser.execute(ADD, ("t", "api", None, None, None, data))

        [(kept,)] = superuser.execute("SELECT data::text FROM public.tillgate_event").fetchall()
    assert kept == data


def test_a_table_of_before_there_was_enrichment_is_brought_up_to_date(
    empty_database: TestDatabase,
) -> None:
    with empty_database.superuser() as superuser:
        superuser.execute(SCHEMA)
        superuser.execute("DROP VIEW public.entity_state")
        superuser.execute(
            "ALTER TABLE public.tillgate_event DROP COLUMN object, DROP COLUMN enrichment,"
            " DROP COLUMN enrichment_reason"
        )
        superuser.execute(
            "CREATE VIEW public.entity_state WITH (security_invoker = true) AS"
            " SELECT e.tenant_id, e.source, e.entity_id, e.entity_version, e.occurred_at, e.type,"
            " e.data, e.event_id, e.received_at, e.stored_at FROM public.tillgate_event AS e"
        )
        superuser.execute(ADD, ("old", "api", None, "order-1", 1, "{}"))

        superuser.execute(SCHEMA)

        superuser.execute(ADD, ("new", "api", None, "order-2", 1, "{}"))
        superuser.execute(
            "UPDATE public.tillgate_event SET enrichment = 'fetched', object = '{\"n\": 12.10}'"
            " WHERE type = 'new'"
        )
        found = superuser.execute(
            "SELECT type, enrichment, object::text FROM public.entity_state ORDER BY entity_id"
        ).fetchall()
    assert found == [("old", "none", None), ("new", "fetched", '{"n": 12.10}')]


def test_a_nul_is_refused_where_rows_are_taken_apart_and_not_by_the_column(
    empty_database: TestDatabase,
) -> None:
    rows = '[{"data": {"a": "\\u0000"}}]'
    with empty_database.superuser() as superuser:
        superuser.execute(SCHEMA)
        superuser.execute(ADD, ("t", "api", None, None, None, '{"a": "\\u0000"}'))

        # As PostgREST inserts.
        with pytest.raises(psycopg.errors.UntranslatableCharacter) as refused:
            superuser.execute("SELECT * FROM json_to_recordset(%s) AS r (data json)", (rows,))
        with pytest.raises(psycopg.errors.UntranslatableCharacter):
            superuser.execute("SELECT data->>'b' FROM public.tillgate_event")
    assert refused.value.sqlstate == "22P05"
