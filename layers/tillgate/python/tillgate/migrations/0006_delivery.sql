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
-- The operator has seen that it was given up, and wants to see it no more.
ALTER TABLE tillgate.delivery ADD COLUMN discarded_at timestamptz;
-- What is pending is never forgotten.
ALTER TABLE tillgate.delivery ADD CONSTRAINT delivery_pending_is_due
CHECK (state <> 'pending' OR (since IS NOT NULL AND due_at IS NOT NULL));
CREATE INDEX delivery_due ON tillgate.delivery (due_at) WHERE state = 'pending';
-- The dead letters, everybody's and a tenant's, by age.
CREATE INDEX delivery_dead ON tillgate.delivery (event_id)
WHERE state = 'gave_up' AND discarded_at IS NULL;
CREATE INDEX delivery_dead_of ON tillgate.delivery (tenant_id, event_id)
WHERE state = 'gave_up' AND discarded_at IS NULL;

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
    -- The delivery's when this was begun: what is replayed meanwhile is not settled by it.
    since timestamptz,
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
    -- A delivery that became pending later is not among them: not one that it moved itself.
    started_at timestamptz NOT NULL DEFAULT now(),
    stepped_at timestamptz,
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

GRANT SELECT, INSERT, DELETE ON tillgate.destination TO tillgate_admin;
GRANT UPDATE (kind, url, sealed_secret, set_at) ON tillgate.destination TO tillgate_admin;
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

-- As before, and the delivery waits where the tenant has a destination.
-- Stores a tenant's events, all or none, and answers for each in order:
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

-- The operator sees whether a destination is spared, and a new one begins anew.
GRANT SELECT, DELETE ON tillgate.destination_breaker TO tillgate_admin;
CREATE POLICY admin_reads ON tillgate.destination_breaker FOR SELECT TO tillgate_admin
USING (true);
CREATE POLICY admin_closes ON tillgate.destination_breaker FOR DELETE TO tillgate_admin
USING (true);

-- A tenant's destination, for a test of it: no row where there is none.
CREATE FUNCTION tillgate.find_destination(p_tenant_id uuid)
RETURNS TABLE (kind text, url text, sealed_secret bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT d.kind, d.url, d.sealed_secret
    FROM tillgate.destination AS d WHERE d.tenant_id = p_tenant_id;
END;
GRANT EXECUTE ON FUNCTION tillgate.find_destination(uuid) TO tillgate_deliver;

-- Whether any tenant has one.
CREATE FUNCTION tillgate.has_destination() RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (SELECT FROM tillgate.destination);
END;
GRANT EXECUTE ON FUNCTION tillgate.has_destination() TO tillgate_health;
