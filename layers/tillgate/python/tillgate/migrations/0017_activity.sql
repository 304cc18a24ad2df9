-- What each tenant and each source did, by time: what sandboxes counted, added up in buckets.
SET LOCAL ROLE tillgate_owner;

-- A bucket is of five minutes or of an hour, in UTC, by the time at which a flush was stored.
-- The platform's own rows have the tenant 00000000-0000-0000-0000-000000000000; they hold more
-- than the tenants' together, since not every request is found to be somebody's.
CREATE TABLE tillgate.tenant_activity (
    tenant_id uuid NOT NULL,
    width text NOT NULL CHECK (width IN ('five_minutes', 'hour')),
    starts_at timestamptz NOT NULL,
    -- Requests under /v1/: a request for many tenants is one of each.
    requests bigint NOT NULL,
    server_errors bigint NOT NULL,
    client_errors bigint NOT NULL,
    -- Events that became durable by such a request: stored, or queued to be.
    events bigint NOT NULL,
    duplicates bigint NOT NULL,
    conflicts bigint NOT NULL,
    rejected bigint NOT NULL,
    quarantined bigint NOT NULL,
    -- Time of our functions, microseconds: requests, and the work on queued messages. A request
    -- or message for many is split by items. Of it, waiting for the database.
    handler_us bigint NOT NULL,
    database_us bigint NOT NULL,
    -- How many requests took how long: domain/activity.py has the buckets' bounds.
    latency bigint[] NOT NULL,
    PRIMARY KEY (tenant_id, width, starts_at)
-- A bucket that is being filled is updated each minute: its page has room for that.
) WITH (fillfactor = 80);
CREATE INDEX tenant_activity_by_age ON tillgate.tenant_activity (width, starts_at);

-- When a source last sent an event that was let in, whatever became of it; by the time of its
-- receipt.
CREATE TABLE tillgate.source_activity (
    source_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    last_event_at timestamptz NOT NULL
) WITH (fillfactor = 80);

ALTER TABLE tillgate.tenant_activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.tenant_activity FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.source_activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.source_activity FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.tenant_activity TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON tillgate.source_activity TO tillgate_owner
USING (true) WITH CHECK (true);
GRANT SELECT ON tillgate.tenant_activity, tillgate.source_activity TO tillgate_admin;
CREATE POLICY admin_reads ON tillgate.tenant_activity FOR SELECT TO tillgate_admin USING (true);
CREATE POLICY admin_reads ON tillgate.source_activity FOR SELECT TO tillgate_admin USING (true);

-- Two histograms in one; the shorter one's missing buckets are empty.
CREATE FUNCTION tillgate.latency_sum(p_one bigint[], p_other bigint[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT array_agg(coalesce(u.one, 0) + coalesce(u.other, 0) ORDER BY u.place)
    FROM unnest(p_one, p_other) WITH ORDINALITY AS u (one, other, place);
END;

-- Lets go of up to p_limit buckets of each width that are past their time: five minutes are kept
-- for two days, hours for forty. Gives how many; the caller repeats it until there are fewer.
CREATE FUNCTION tillgate.activity_discard_old(p_limit bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_width text;
    v_kept interval;
    v_discarded bigint;
    v_total bigint := 0;
BEGIN
    FOR v_width, v_kept IN
        VALUES ('five_minutes', interval '2 days'), ('hour', interval '40 days')
    LOOP
        DELETE FROM tillgate.tenant_activity AS a
        USING (
            SELECT o.tenant_id, o.starts_at
            FROM tillgate.tenant_activity AS o
            WHERE o.width = v_width AND o.starts_at < clock_timestamp() - v_kept
            ORDER BY o.starts_at
            LIMIT p_limit
            FOR UPDATE SKIP LOCKED
        ) AS old
        WHERE a.tenant_id = old.tenant_id AND a.width = v_width AND a.starts_at = old.starts_at;
        GET DIAGNOSTICS v_discarded = ROW_COUNT;
        v_total := v_total + v_discarded;
    END LOOP;
    RETURN v_total;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.activity_discard_old(bigint) TO tillgate_sweep;

-- {"tenants": {"<id>": {"<column of tenant_activity>": <increase>, "latency_<1 to 15>": ...}},
-- "sources": {"<id>": <when its newest event was received, in milliseconds since 1970>}}.
-- NULL for a version that does not count them, and once it is part of the buckets.
ALTER TABLE tillgate.metric_increment
ADD COLUMN activity jsonb CHECK (jsonb_typeof(activity) = 'object');

-- As with three, which is for the version before this one.
CREATE FUNCTION tillgate.metrics_add(
    p_sandbox_id uuid, p_seq bigint, p_deltas jsonb, p_activity jsonb
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tillgate.metric_increment (sandbox_id, seq, deltas, activity)
    VALUES (p_sandbox_id, p_seq, p_deltas, p_activity)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.metrics_add(uuid, bigint, jsonb, jsonb)
TO tillgate_ingest, tillgate_accept, tillgate_api, tillgate_deliver, tillgate_sweep,
tillgate_health;

-- As before, and moves what tenants and sources did into their buckets in the same statement.
CREATE OR REPLACE FUNCTION tillgate.metrics_fold(p_age interval, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT i.sandbox_id, i.seq, i.at, i.deltas, i.activity
        FROM tillgate.metric_increment AS i
        WHERE i.deltas IS NOT NULL AND i.at <= clock_timestamp() - p_age
        ORDER BY i.at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), folded AS (
        UPDATE tillgate.metric_increment AS i
        SET deltas = NULL, activity = NULL
        FROM old AS o
        WHERE i.sandbox_id = o.sandbox_id AND i.seq = o.seq
    ), added AS (
        INSERT INTO tillgate.metric_total AS t (series, total)
        SELECT d.key, sum(d.value::numeric)
        FROM old AS o, jsonb_each_text(o.deltas) AS d
        GROUP BY d.key
        -- Two folds at once wait for each other instead of deadlocking; below as well.
        ORDER BY d.key
        ON CONFLICT (series) DO UPDATE SET total = t.total + excluded.total
    ), heard AS (
        -- By the flush's time where a sandbox's clock is ahead. A source that is gone is left out.
        INSERT INTO tillgate.source_activity AS a (source_id, tenant_id, last_event_at)
        SELECT s.source_id, s.tenant_id,
            max(least(to_timestamp(d.value::double precision / 1000), o.at))
        FROM old AS o, jsonb_each_text(o.activity -> 'sources') AS d
        JOIN tillgate.source AS s ON s.source_id = d.key::uuid
        GROUP BY s.source_id, s.tenant_id
        ORDER BY s.source_id
        ON CONFLICT (source_id) DO UPDATE
        SET last_event_at = greatest(a.last_event_at, excluded.last_event_at)
    ), said AS MATERIALIZED (
        -- Once, and not for each width: taking JSON apart is most of the work.
        SELECT t.key::uuid AS tenant_id, o.at, d.*
        FROM old AS o, jsonb_each(o.activity -> 'tenants') AS t,
            jsonb_to_record(t.value) AS d (
                requests integer, server_errors integer, client_errors integer, events integer,
                duplicates integer, conflicts integer, rejected integer, quarantined integer,
                handler_us bigint, database_us bigint,
                latency_1 integer, latency_2 integer, latency_3 integer, latency_4 integer,
                latency_5 integer, latency_6 integer, latency_7 integer, latency_8 integer,
                latency_9 integer, latency_10 integer, latency_11 integer, latency_12 integer,
                latency_13 integer, latency_14 integer, latency_15 integer
            )
    ), done AS (
        INSERT INTO tillgate.tenant_activity AS a (
            tenant_id, width, starts_at, requests, server_errors, client_errors, events,
            duplicates, conflicts, rejected, quarantined, handler_us, database_us, latency
        )
        SELECT d.tenant_id, w.width, date_bin(w.length, d.at, timestamptz '2000-01-01 00:00+00'),
            coalesce(sum(d.requests), 0), coalesce(sum(d.server_errors), 0),
            coalesce(sum(d.client_errors), 0), coalesce(sum(d.events), 0),
            coalesce(sum(d.duplicates), 0), coalesce(sum(d.conflicts), 0),
            coalesce(sum(d.rejected), 0), coalesce(sum(d.quarantined), 0),
            coalesce(sum(d.handler_us), 0), coalesce(sum(d.database_us), 0),
            ARRAY[
                coalesce(sum(d.latency_1), 0), coalesce(sum(d.latency_2), 0),
                coalesce(sum(d.latency_3), 0), coalesce(sum(d.latency_4), 0),
                coalesce(sum(d.latency_5), 0), coalesce(sum(d.latency_6), 0),
                coalesce(sum(d.latency_7), 0), coalesce(sum(d.latency_8), 0),
                coalesce(sum(d.latency_9), 0), coalesce(sum(d.latency_10), 0),
                coalesce(sum(d.latency_11), 0), coalesce(sum(d.latency_12), 0),
                coalesce(sum(d.latency_13), 0), coalesce(sum(d.latency_14), 0),
                coalesce(sum(d.latency_15), 0)
            ]
        FROM said AS d,
            (
                VALUES ('five_minutes', interval '5 minutes'), ('hour', interval '1 hour')
            ) AS w (width, length)
        GROUP BY 1, 2, 3
        ORDER BY 1, 2, 3
        ON CONFLICT (tenant_id, width, starts_at) DO UPDATE
        SET requests = a.requests + excluded.requests,
            server_errors = a.server_errors + excluded.server_errors,
            client_errors = a.client_errors + excluded.client_errors,
            events = a.events + excluded.events,
            duplicates = a.duplicates + excluded.duplicates,
            conflicts = a.conflicts + excluded.conflicts,
            rejected = a.rejected + excluded.rejected,
            quarantined = a.quarantined + excluded.quarantined,
            handler_us = a.handler_us + excluded.handler_us,
            database_us = a.database_us + excluded.database_us,
            latency = tillgate.latency_sum(a.latency, excluded.latency)
    )
    SELECT count(*) INTO v_count FROM old;

    -- A newer flush says that this one is known to be stored. A sandbox's newest stays as long
    -- as the sandbox itself could, asleep, and much longer.
    DELETE FROM tillgate.metric_increment AS i
    USING (
        SELECT f.sandbox_id, f.seq
        FROM tillgate.metric_increment AS f
        WHERE f.deltas IS NULL AND f.at < clock_timestamp() - interval '1 hour'
            AND (f.at < clock_timestamp() - interval '1 day' OR EXISTS (
                SELECT FROM tillgate.metric_increment AS n
                WHERE n.sandbox_id = f.sandbox_id AND n.seq > f.seq
            ))
        ORDER BY f.at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ) AS done
    WHERE i.sandbox_id = done.sandbox_id AND i.seq = done.seq;
    RETURN v_count;
END
$$;
