-- Delivery onward: where a tenant's events go, how far each has come, and every attempt.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tillgate_deliver') THEN
        CREATE ROLE tillgate_deliver LOGIN NOINHERIT;
    END IF;
    ALTER ROLE tillgate_deliver SET idle_in_transaction_session_timeout = '10s';
    ALTER ROLE tillgate_deliver SET statement_timeout = '30s';
    ALTER ROLE tillgate_deliver SET timezone = 'UTC';
    ALTER ROLE tillgate_deliver SET search_path = 'pg_catalog';
END
$$;

SET LOCAL ROLE tillgate_owner;

GRANT USAGE ON SCHEMA tillgate TO tillgate_deliver;

-- Where a tenant's events are delivered to: one place, or none.
CREATE TABLE tillgate.destination (
    tenant_id uuid PRIMARY KEY REFERENCES tillgate.tenant,
    kind text NOT NULL CHECK (kind IN ('supabase')),
    url text NOT NULL CHECK (length(url) BETWEEN 1 AND 2048),
    sealed_secret bytea NOT NULL,
    set_at timestamptz NOT NULL DEFAULT now()
);

-- The breaker that all sandboxes share, apart from the destination, which accept looks at:
-- one row for each destination that failed lately.
CREATE TABLE tillgate.destination_breaker (
    tenant_id uuid PRIMARY KEY,
    failures integer NOT NULL,
    open_until timestamptz
);

-- since: when it became pending. due_at: when sweep queues it, if nobody settles it before.
ALTER TABLE tillgate.delivery ADD COLUMN since timestamptz;
ALTER TABLE tillgate.delivery ADD COLUMN due_at timestamptz;
ALTER TABLE tillgate.delivery ADD COLUMN gave_up_reason text;
CREATE INDEX delivery_due ON tillgate.delivery (due_at) WHERE state = 'pending';
CREATE INDEX delivery_gave_up ON tillgate.delivery (tenant_id, gave_up_reason)
WHERE state = 'gave_up';

-- Every request that was made for an event; never what was sent or answered.
CREATE TABLE tillgate.attempt (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    attempt_id uuid NOT NULL,
    at timestamptz NOT NULL,
    -- NULL from before the request until its outcome is known: for good, if a sandbox died.
    outcome text CHECK (outcome IN ('delivered', 'retry_later', 'gave_up')),
    status integer,
    duration_ms double precision,
    reason text CHECK (length(reason) <= 200),
    PRIMARY KEY (tenant_id, event_id, attempt_id)
) PARTITION BY RANGE (event_id);

-- What the operator moves from the dead letters back into delivery, so many a second.
CREATE TABLE tillgate.redrive (
    redrive_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Which dead letters; NULL for any.
    tenant_id uuid,
    reason text,
    per_second integer NOT NULL CHECK (per_second BETWEEN 1 AND 1000),
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'done', 'cancelled')),
    moved bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);

ALTER TABLE tillgate.destination ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.destination FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.destination_breaker ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.destination_breaker FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.attempt FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.redrive ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.redrive FORCE ROW LEVEL SECURITY;

CREATE POLICY owner_reads ON tillgate.destination FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_counts ON tillgate.destination_breaker TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_reads ON tillgate.event FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_reads ON tillgate.delivery FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_settles ON tillgate.delivery FOR UPDATE TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_records ON tillgate.attempt TO tillgate_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_moves ON tillgate.redrive TO tillgate_owner USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE, DELETE ON tillgate.destination TO tillgate_admin;
CREATE POLICY admin_all ON tillgate.destination TO tillgate_admin USING (true) WITH CHECK (true);
GRANT SELECT, INSERT ON tillgate.redrive TO tillgate_admin;
GRANT UPDATE (state, ended_at) ON tillgate.redrive TO tillgate_admin;
CREATE POLICY admin_all ON tillgate.redrive TO tillgate_admin USING (true) WITH CHECK (true);
GRANT SELECT ON tillgate.attempt TO tillgate_api;
CREATE POLICY api_reads_its_tenant ON tillgate.attempt FOR SELECT TO tillgate_api
USING (tenant_id = (SELECT tillgate.current_tenant()));

-- As before, and for attempts.
CREATE OR REPLACE FUNCTION tillgate.make_partitions(p_day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
    v_parent text;
    v_name text;
    v_made boolean := false;
BEGIN
    FOREACH v_parent IN ARRAY ARRAY['event', 'delivery', 'attempt'] LOOP
        v_name := v_parent || to_char(p_day, '_YYYYMMDD');
        CONTINUE WHEN to_regclass(format('tillgate.%I', v_name)) IS NOT NULL;
        -- One maker at a time; whoever waited looks again.
        EXECUTE format('LOCK TABLE tillgate.%I IN SHARE UPDATE EXCLUSIVE MODE', v_parent);
        CONTINUE WHEN to_regclass(format('tillgate.%I', v_name)) IS NOT NULL;
        EXECUTE format(
            'CREATE TABLE tillgate.%I (LIKE tillgate.%I INCLUDING ALL)', v_name, v_parent);
        EXECUTE format('ALTER TABLE tillgate.%I ENABLE ROW LEVEL SECURITY', v_name);
        EXECUTE format('ALTER TABLE tillgate.%I FORCE ROW LEVEL SECURITY', v_name);
        EXECUTE format(
            'ALTER TABLE tillgate.%I ATTACH PARTITION tillgate.%I FOR VALUES FROM (%L) TO (%L)',
            v_parent, v_name,
            tillgate.first_event_id(p_day::timestamp AT TIME ZONE 'UTC'),
            tillgate.first_event_id((p_day + 1)::timestamp AT TIME ZONE 'UTC'));
        v_made := true;
    END LOOP;
    RETURN v_made;
END
$$;

-- The days that have events already.
DO $$
DECLARE
    v_day text;
BEGIN
    FOR v_day IN
        SELECT substr(c.relname, 7) FROM pg_catalog.pg_inherits AS i
        JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'tillgate.event'::regclass
    LOOP
        PERFORM tillgate.make_partitions(to_date(v_day, 'YYYYMMDD'));
    END LOOP;
END
$$;

-- As before, and the delivery waits where the tenant has a destination. Stores a tenant's events, all or none, and answers for each in order:
-- [{"outcome": "new"|"duplicate"|"conflict", "event_id", "received_at", "stored_at"}].
-- Items: [{"key", "fingerprint" (hex), "source_id", "type", "occurred_at", "entity_id",
-- "entity_version", "data" (JSON text), "received_at"}].
CREATE OR REPLACE FUNCTION tillgate.accept(p_tenant_id uuid, p_items json) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_new uuid[] := '{}';
    v_added uuid[];
    v_answers json;
    v_unknown bigint;
BEGIN
    LOOP
        -- Sorted, so that two batches that cross wait for each other instead of deadlocking.
        -- Each item has a microsecond of its own: ids then follow the order of the batch.
        WITH item AS MATERIALIZED (
            SELECT i.*, v_now + i.n * interval '1 microsecond' AS stored_at,
                tillgate.new_event_id(v_now + i.n * interval '1 microsecond') AS event_id
            FROM ROWS FROM (json_to_recordset(p_items) AS (
                key text, fingerprint text, source_id uuid, type text, occurred_at text,
                entity_id text, entity_version numeric, data text, received_at timestamptz
            )) WITH ORDINALITY AS i (
                key, fingerprint, source_id, type, occurred_at,
                entity_id, entity_version, data, received_at, n
            )
        ), taken AS (
            INSERT INTO tillgate.ingest_key AS k (
                tenant_id, key, fingerprint, event_id, received_at, stored_at
            )
            SELECT p_tenant_id, i.key, decode(i.fingerprint, 'hex'), i.event_id, i.received_at,
                i.stored_at
            FROM item AS i
            ORDER BY i.key, i.n
            ON CONFLICT DO NOTHING
            RETURNING k.event_id
        ), stored AS (
            INSERT INTO tillgate.event (
                tenant_id, event_id, source_id, idempotency_key, type, occurred_at, entity_id,
                entity_version, data, received_at, stored_at
            )
            SELECT p_tenant_id, i.event_id, i.source_id, substr(i.key, strpos(i.key, ':') + 1),
                i.type, i.occurred_at, i.entity_id, i.entity_version, i.data, i.received_at,
                i.stored_at
            FROM item AS i
            JOIN taken AS t ON t.event_id = i.event_id
        ), delivering AS (
            INSERT INTO tillgate.delivery (tenant_id, event_id, state, since, due_at)
            SELECT p_tenant_id, t.event_id,
                CASE WHEN d.tenant_id IS NULL THEN 'none' ELSE 'pending' END,
                CASE WHEN d.tenant_id IS NOT NULL THEN v_now END,
                CASE WHEN d.tenant_id IS NOT NULL THEN v_now END
            FROM taken AS t
            LEFT JOIN tillgate.destination AS d ON d.tenant_id = p_tenant_id
        )
        SELECT array_agg(t.event_id) FILTER (WHERE t.event_id IS NOT NULL),
            json_agg(json_build_object(
                'outcome', 'new', 'event_id', i.event_id,
                'received_at', i.received_at, 'stored_at', i.stored_at
            ) ORDER BY i.n),
            count(*) FILTER (WHERE t.event_id IS NULL)
        INTO v_added, v_answers, v_unknown
        FROM item AS i
        LEFT JOIN taken AS t ON t.event_id = i.event_id;

        IF v_unknown = 0 THEN
            RETURN v_answers;
        END IF;
        v_new := v_new || v_added;

        -- A new statement, so a new snapshot: it sees what a concurrent call committed, for
        -- which the insert above waited. Of several items with one key the first owns it.
        SELECT json_agg(json_build_object(
                'outcome', CASE
                    WHEN k.event_id = ANY (v_new) AND i.nth = 1 THEN 'new'
                    WHEN k.fingerprint = decode(i.fingerprint, 'hex') THEN 'duplicate'
                    ELSE 'conflict'
                END,
                'event_id', k.event_id,
                'received_at', k.received_at, 'stored_at', k.stored_at
            ) ORDER BY i.n),
            count(*) FILTER (WHERE k.event_id IS NULL)
        INTO v_answers, v_unknown
        FROM (
            SELECT r.key, r.fingerprint, r.n,
                row_number() OVER (PARTITION BY r.key ORDER BY r.n) AS nth
            FROM ROWS FROM (
                json_to_recordset(p_items) AS (key text, fingerprint text)
            ) WITH ORDINALITY AS r (key, fingerprint, n)
        ) AS i
        LEFT JOIN tillgate.ingest_key AS k ON k.tenant_id = p_tenant_id AND k.key = i.key;

        IF v_unknown = 0 THEN
            RETURN v_answers;
        END IF;
        -- Retention removed a key between the two statements: it is free now.
    END LOOP;
END
$$;

-- Takes up to p_limit deliveries that are due, the longest due first, and lets them be due
-- again after p_lease. Whoever calls it commits once they are on the queue.
CREATE FUNCTION tillgate.claim_deliveries(p_limit integer, p_lease interval)
RETURNS TABLE (tenant_id uuid, event_id uuid)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH due AS MATERIALIZED (
        SELECT d.tenant_id, d.event_id
        FROM tillgate.delivery AS d
        WHERE d.state = 'pending' AND d.due_at <= now()
        ORDER BY d.due_at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    )
    UPDATE tillgate.delivery AS d
    SET due_at = now() + p_lease
    FROM due
    WHERE d.tenant_id = due.tenant_id AND d.event_id = due.event_id
    RETURNING d.tenant_id, d.event_id;
END;
GRANT EXECUTE ON FUNCTION tillgate.claim_deliveries(integer, interval) TO tillgate_sweep;

-- Begins an attempt at those of a tenant's events that are still pending, and gives them:
-- {"kind", "url", "sealed_secret" (hex), "open_until", "events": [{...}]}. Without a
-- destination kind is NULL. While the breaker is open there are no events and nothing is begun;
-- when its time has passed, whoever asks first may try, and the others wait p_probe longer.
CREATE FUNCTION tillgate.begin_attempts(
    p_tenant_id uuid, p_event_ids uuid[], p_attempt_id uuid, p_at timestamptz, p_probe interval
) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_destination tillgate.destination;
    v_open_until timestamptz;
    v_events json;
BEGIN
    SELECT * INTO v_destination FROM tillgate.destination AS d WHERE d.tenant_id = p_tenant_id;
    SELECT b.open_until INTO v_open_until
    FROM tillgate.destination_breaker AS b WHERE b.tenant_id = p_tenant_id;
    IF v_open_until IS NOT NULL AND v_open_until <= clock_timestamp() THEN
        UPDATE tillgate.destination_breaker AS b
        SET open_until = clock_timestamp() + p_probe
        WHERE b.tenant_id = p_tenant_id AND b.open_until = v_open_until;
        IF FOUND THEN
            v_open_until := NULL;
        ELSE
            v_open_until := clock_timestamp() + p_probe;
        END IF;
    END IF;
    IF v_destination.tenant_id IS NOT NULL AND v_open_until IS NULL THEN
        WITH begun AS (
            INSERT INTO tillgate.attempt (tenant_id, event_id, attempt_id, at)
            SELECT d.tenant_id, d.event_id, p_attempt_id, p_at
            FROM tillgate.delivery AS d
            WHERE d.tenant_id = p_tenant_id AND d.event_id = ANY (p_event_ids)
                AND d.state = 'pending'
            ON CONFLICT DO NOTHING
            RETURNING event_id
        )
        SELECT json_agg(json_build_object(
            'event_id', e.event_id, 'type', e.type, 'occurred_at', e.occurred_at,
            'entity_id', e.entity_id, 'entity_version', e.entity_version,
            'idempotency_key', e.idempotency_key, 'source_id', e.source_id, 'data', e.data,
            'received_at', e.received_at, 'stored_at', e.stored_at, 'since', d.since
        ) ORDER BY e.event_id)
        INTO v_events
        FROM begun AS b
        JOIN tillgate.event AS e ON e.tenant_id = p_tenant_id AND e.event_id = b.event_id
        JOIN tillgate.delivery AS d ON d.tenant_id = p_tenant_id AND d.event_id = b.event_id;
    END IF;
    RETURN json_build_object(
        'kind', v_destination.kind, 'url', v_destination.url,
        'sealed_secret', encode(v_destination.sealed_secret, 'hex'),
        'open_until', v_open_until, 'events', coalesce(v_events, '[]'::json));
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.begin_attempts(
    uuid, uuid[], uuid, timestamptz, interval
) TO tillgate_deliver;

-- Writes down what became of attempts, and how the deliveries stand after them.
-- p_attempts: [{"event_id", "attempt_id", "at", "outcome", "status", "duration_ms", "reason"}].
-- p_settled: [{"event_id", "state", "reason", "due_seconds"}]; one that is still pending is
-- queued by sweep after due_seconds, should the queue have lost it. A delivery that is settled
-- stays as it is. p_is_well says whether the destination works, NULL that it cannot be told:
-- after p_trip failures in a row the breaker is open for p_open.
CREATE FUNCTION tillgate.record_attempts(
    p_tenant_id uuid, p_attempts json, p_settled json, p_is_well boolean, p_trip integer,
    p_open interval
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tillgate.attempt AS a (
        tenant_id, event_id, attempt_id, at, outcome, status, duration_ms, reason
    )
    SELECT p_tenant_id, r.event_id, r.attempt_id, r.at, r.outcome, r.status, r.duration_ms,
        r.reason
    FROM json_to_recordset(p_attempts) AS r (
        event_id uuid, attempt_id uuid, at timestamptz, outcome text, status integer,
        duration_ms double precision, reason text
    )
    ORDER BY r.event_id, r.attempt_id
    ON CONFLICT (tenant_id, event_id, attempt_id) DO UPDATE
    SET outcome = excluded.outcome, status = excluded.status,
        duration_ms = excluded.duration_ms, reason = excluded.reason;

    UPDATE tillgate.delivery AS d
    SET state = s.state,
        due_at = CASE WHEN s.state = 'pending'
            THEN now() + make_interval(secs => s.due_seconds) END,
        gave_up_reason = CASE WHEN s.state = 'gave_up' THEN s.reason END
    FROM json_to_recordset(p_settled) AS s (
        event_id uuid, state text, reason text, due_seconds double precision
    )
    WHERE d.tenant_id = p_tenant_id AND d.event_id = s.event_id AND d.state = 'pending';

    IF p_is_well THEN
        DELETE FROM tillgate.destination_breaker AS b WHERE b.tenant_id = p_tenant_id;
    ELSIF NOT p_is_well THEN
        INSERT INTO tillgate.destination_breaker AS b (tenant_id, failures, open_until)
        VALUES (p_tenant_id, 1, CASE WHEN p_trip <= 1 THEN now() + p_open END)
        ON CONFLICT (tenant_id) DO UPDATE
        SET failures = b.failures + 1,
            open_until = CASE WHEN b.failures + 1 >= p_trip THEN now() + p_open END;
    END IF;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.record_attempts(
    uuid, json, json, boolean, integer, interval
) TO tillgate_deliver;

-- Delivers events again, whatever became of them before; gives how many there are. Those of
-- a tenant without a destination, and those that wait already, are left as they are.
CREATE FUNCTION tillgate.replay(p_tenant_id uuid, p_event_ids uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
BEGIN
    UPDATE tillgate.delivery AS d
    SET state = 'pending', since = now(), due_at = now(), gave_up_reason = NULL
    WHERE d.tenant_id = p_tenant_id AND d.event_id = ANY (p_event_ids) AND d.state <> 'pending'
        AND EXISTS (
            SELECT FROM tillgate.destination AS o WHERE o.tenant_id = p_tenant_id
        );
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.replay(uuid, uuid[]) TO tillgate_admin;

-- The same for one event of the tenant that the transaction is set to.
CREATE FUNCTION tillgate.replay_own(p_event_id uuid) RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT tillgate.replay(tillgate.current_tenant(), ARRAY[p_event_id]);
END;
GRANT EXECUTE ON FUNCTION tillgate.replay_own(uuid) TO tillgate_api;

-- The dead letters by tenant and reason, with the ids (so the ages) of the oldest and newest.
CREATE FUNCTION tillgate.dead_letter_plan(p_tenant_id uuid, p_reason text)
RETURNS TABLE (tenant_id uuid, reason text, count bigint, oldest timestamptz, newest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT d.tenant_id, d.gave_up_reason, count(*), min(d.since), max(d.since)
    FROM tillgate.delivery AS d
    WHERE d.state = 'gave_up'
        AND (p_tenant_id IS NULL OR d.tenant_id = p_tenant_id)
        AND (p_reason IS NULL OR d.gave_up_reason = p_reason)
    GROUP BY d.tenant_id, d.gave_up_reason
    ORDER BY d.tenant_id, d.gave_up_reason;
END;
GRANT EXECUTE ON FUNCTION tillgate.dead_letter_plan(uuid, text) TO tillgate_admin;
