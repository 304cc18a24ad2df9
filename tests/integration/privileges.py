"""What each runtime role may do: the list that the catalogue is held against.

A table, a column or a function that is not here is refused; one that is granted and not
here fails the tests.
"""

from __future__ import annotations

from typing import NamedTuple

OWNER = "tillgate_owner"


class Allowed(NamedTuple):
    """A privilege on a table; with ``column``, on that column alone."""

    role: str
    table: str
    command: str
    column: str | None = None


ALLOWED_ON_TABLES = frozenset(
    {
        *(
            Allowed("admin", table, command)
            for table in ("tenant", "app", "source", "api_token")
            for command in ("SELECT", "INSERT")
        ),
        *(
            Allowed("admin", "tenant", "UPDATE", column)
            for column in ("state", "time_zone", "opening_hours", "quiet_after_minutes")
        ),
        *(
            Allowed("admin", "tenant", "UPDATE", column)
            for column in ("events_per_second", "burst")
        ),
        Allowed("admin", "tenant_rate", "SELECT"),
        Allowed("admin", "app", "UPDATE", "sealed_secret"),
        *(
            Allowed("admin", table, "UPDATE", column)
            for table in ("app", "source")
            for column in (
                "previous_sealed_secret",
                "previous_since",
                "previous_overlap_until",
                "previous_until",
                "previous_matched_at",
                "previous_ended_at",
            )
        ),
        Allowed("admin", "token_activity", "SELECT"),
        *(
            Allowed("admin", "source", "UPDATE", column)
            for column in (
                "sealed_secret",
                "sealed_credential",
                "api_url",
                "credential_set_at",
                "quiet_after_minutes",
            )
        ),
        Allowed("admin", "quiet_source", "SELECT"),
        Allowed("admin", "api_token", "UPDATE", "revoked_at"),
        Allowed("admin", "schema_migration", "SELECT"),
        *(Allowed("admin", "destination", command) for command in ("SELECT", "INSERT", "DELETE")),
        *(
            Allowed("admin", "destination", "UPDATE", column)
            for column in ("kind", "url", "sealed_secret", "set_at")
        ),
        Allowed("admin", "destination_breaker", "SELECT"),
        Allowed("admin", "destination_breaker", "DELETE"),
        Allowed("admin", "redrive", "SELECT"),
        Allowed("admin", "redrive", "INSERT"),
        Allowed("admin", "redrive", "UPDATE", "state"),
        Allowed("admin", "redrive", "UPDATE", "ended_at"),
        Allowed("admin", "redrive_cancelled", "SELECT"),
        Allowed("admin", "redrive_cancelled", "INSERT"),
        Allowed("admin", "tenant_activity", "SELECT"),
        Allowed("admin", "source_activity", "SELECT"),
        Allowed("admin", "erasure", "SELECT"),
        Allowed("admin", "tenant_retention", "SELECT"),
        Allowed("admin", "tenant_retention", "INSERT"),
        Allowed("admin", "tenant_retention", "UPDATE", "days"),
        Allowed("api", "attempt", "SELECT"),
        Allowed("api", "ingest_key", "SELECT"),
        Allowed("api", "event", "SELECT"),
        Allowed("api", "delivery", "SELECT"),
        Allowed("api", "source", "SELECT", "source_id"),
        Allowed("api", "source", "SELECT", "tenant_id"),
        Allowed("api", "source", "SELECT", "provider"),
        Allowed("health", "schema_migration", "SELECT"),
        Allowed("admin", "platform_secret", "SELECT"),
        *(
            Allowed("rotate", table, command, column)
            for table, command, column in (
                ("app", "SELECT", "app_id"),
                ("app", "SELECT", "sealed_secret"),
                ("app", "UPDATE", "sealed_secret"),
                ("app", "SELECT", "previous_sealed_secret"),
                ("app", "UPDATE", "previous_sealed_secret"),
                ("source", "SELECT", "previous_sealed_secret"),
                ("source", "UPDATE", "previous_sealed_secret"),
                ("source", "SELECT", "source_id"),
                ("source", "SELECT", "tenant_id"),
                ("source", "SELECT", "sealed_secret"),
                ("source", "SELECT", "sealed_credential"),
                ("source", "UPDATE", "sealed_secret"),
                ("source", "UPDATE", "sealed_credential"),
                ("destination", "SELECT", "tenant_id"),
                ("destination", "SELECT", "sealed_secret"),
                ("destination", "UPDATE", "sealed_secret"),
            )
        ),
    }
)

ALLOWED_FUNCTIONS = {
    "admin_attempt_begin(text)": {"admin"},
    "admin_session_close(bytea)": {"admin"},
    "admin_session_find(bytea)": {"admin"},
    "admin_session_open(bytea,bytea,interval,text)": {"admin"},
    "accept(uuid,json)": {"ingest", "accept"},
    "accept_event(uuid,text,bytea,uuid,text,text,text,numeric,text,timestamp with time zone)": {
        "ingest",
        "accept",
    },
    "activity_discard_old(bigint)": {"sweep"},
    "accept_event(uuid,text,bytea,uuid,text,text,text,numeric,text,timestamp with time zone"
    ",text)": {
        "ingest",
        "accept",
    },
    "audit(text,text,text,text,uuid,text,text,text,text,jsonb)": {"admin", "api", "deliver"},
    "audit_list(uuid,text,text,timestamp with time zone,timestamp with time zone,uuid,integer)": {
        "admin"
    },
    "begin_attempts(uuid,uuid[],uuid,timestamp with time zone,interval)": {"deliver"},
    "claim_deliveries(integer,interval)": {"sweep"},
    "clear_events(uuid,uuid,uuid,integer,boolean)": set(),
    "days_over(integer)": {"sweep"},
    "drop_partition(text,date,integer)": {"sweep"},
    "erase_plan(uuid,uuid,integer)": {"admin"},
    "erase_registry(uuid)": set(),
    "erase_step(integer)": {"sweep"},
    "erase_tenant(uuid,text)": {"admin"},
    "find_erased_source(uuid,text)": {"ingest", "accept", "admin"},
    "held_events(integer,integer)": {"admin"},
    "is_day_held(date,integer)": set(),
    "is_day_over(date,integer)": set(),
    "keep_nothing_erased()": set(),
    "partition_days()": set(),
    "redrives_discard_old(bigint)": {"sweep"},
    "refuse_erased()": set(),
    "retire_events(integer,integer)": {"sweep"},
    "retire_keys(integer,integer)": {"sweep"},
    "current_tenant()": {"ingest", "api", "admin", "health", "sweep"},
    "dead_letter_count(integer)": {"admin"},
    "dead_letter_plan(uuid,text)": {"admin"},
    "dead_letters(uuid,text,uuid,integer)": {"admin"},
    "discard_dead_letters(uuid,text,uuid[],integer)": {"admin"},
    "find_bound_source(uuid,text)": {"ingest", "accept", "admin"},
    "find_destination(uuid)": {"deliver"},
    "find_endpoint(text,uuid)": {"ingest"},
    "find_token(bytea)": {"api", "ingest"},
    "discard_synthetic(uuid,uuid)": {"deliver"},
    "endpoint_standing(text,uuid)": {"ingest", "accept", "admin"},
    "drop_old_audit()": {"sweep"},
    "event_id_at(timestamp with time zone,text)": set(),
    "first_event_id(timestamp with time zone)": {"api"},
    "gauges_put(jsonb)": {"watch"},
    "gauges_read(interval)": {"health"},
    "handshake_put(text,uuid,text)": {"ingest"},
    "has_destination()": {"health"},
    "hold_synthetic(uuid,uuid,interval)": {"deliver"},
    "is_synthetic(text,timestamp with time zone)": set(),
    "latency_sum(bigint[],bigint[])": set(),
    "look_up_endpoint(text,uuid)": {"ingest", "accept", "admin"},
    "look_up_token(bytea)": {"api", "ingest"},
    "make_audit_partition(date)": {"sweep"},
    "make_partitions(date)": {"sweep"},
    "metrics_add(uuid,bigint,jsonb)": {
        "ingest",
        "accept",
        "api",
        "deliver",
        "sweep",
        "health",
    },
    "metrics_add(uuid,bigint,jsonb,jsonb)": {
        "ingest",
        "accept",
        "api",
        "deliver",
        "sweep",
        "health",
    },
    "metrics_add_used(uuid,bigint,jsonb,jsonb,text,jsonb)": {"ingest", "api"},
    "metrics_fold(interval,integer)": {"sweep"},
    "metrics_fold_whole(interval,integer)": {"sweep"},
    "metrics_read()": {"health"},
    "new_event_id(timestamp with time zone)": set(),
    "note_heeded()": set(),
    "note_quiet(json,uuid[])": {"watch"},
    "note_secret_set()": set(),
    "note_platform_secrets(json)": {"rotate"},
    "note_unsaid()": set(),
    "platform_activity(text[],interval[])": {"watch"},
    "platform_secret_age()": {"watch"},
    "previous_matched(uuid,timestamp with time zone)": set(),
    "quarantine_accept(uuid,uuid,json)": {"admin"},
    "quarantine_claim(uuid)": {"admin"},
    "quarantine_discard(uuid,uuid,text,text,timestamp with time zone,timestamp with time zone,"
    "uuid[],integer)": {"admin"},
    "quarantine_discard_each(uuid,uuid,text,text,timestamp with time zone,"
    "timestamp with time zone,uuid[],integer)": {"admin"},
    "quarantine_discard_expired(bigint)": {"sweep"},
    "quarantine_find(uuid,boolean)": {"admin"},
    "quarantine_list(uuid,uuid,text,text,timestamp with time zone,timestamp with time zone,"
    "timestamp with time zone,uuid,integer)": {"admin"},
    "quarantine_next(uuid,uuid,text,text,timestamp with time zone,timestamp with time zone,"
    "timestamp with time zone,uuid,integer)": {"admin"},
    "quarantine_plan(uuid,uuid,text,text,timestamp with time zone,timestamp with time zone)": {
        "admin"
    },
    "quarantine_put(uuid,uuid,uuid,text,text,text,timestamp with time zone,"
    "timestamp with time zone,bytea,bigint,bigint)": {"ingest", "accept"},
    "quarantine_put(uuid,uuid,uuid,text,text,text,timestamp with time zone,"
    "timestamp with time zone,bytea,bigint,bigint,integer)": {"ingest", "accept"},
    "quarantine_settle(uuid,text,uuid,uuid[],text[],uuid[],integer[],bytea[])": {"admin"},
    "record_attempts(uuid,json,json,boolean,integer,interval)": {"deliver"},
    "redrive_left(uuid)": {"admin"},
    "redrive_left(uuid,integer)": {"admin"},
    "redrive_step(integer,interval)": {"sweep"},
    "refuse_to_rewrite()": set(),
    "registry_snapshot()": {"sweep"},
    "registry_with_limits()": {"sweep"},
    "replay(uuid,uuid[])": {"admin"},
    "replay_own(uuid)": {"api"},
    "sealed_kid(bytea)": {"rotate", "admin"},
    "sealed_kids(integer)": {"rotate", "admin"},
    "tenant_hours()": {"watch"},
    "retire_previous_secrets(bigint)": {"sweep"},
    "tenant_limit(uuid,text)": {"ingest", "accept", "api", "admin"},
    "token_standing(bytea)": {"accept"},
    "watch_measure(integer,text[])": {"watch"},
    "watched_sources(uuid,integer)": {"watch"},
}

# Of no tenant, and without secrets: no row of theirs is hidden from those who may read.
WITHOUT_ROW_SECURITY = {"schema_migration"}
