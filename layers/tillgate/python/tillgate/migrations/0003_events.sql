-- Events, each exactly once: the key that makes it so, the event, and its delivery.
SET LOCAL ROLE tillgate_owner;

-- One row per (tenant, key). Not partitioned: a unique index could not span partitions by
-- time. It outlives the event, so that a late duplicate is still known.
-- No foreign keys on these three tables: one transaction writes them, one function.
CREATE TABLE tillgate.ingest_key (
    tenant_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
    event_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, key)
);

-- Append-only. The id is a UUIDv7 made from stored_at, so ranges of ids are ranges of time:
-- the id alone names the partition, and one index serves look-ups, lists and cursors.
CREATE TABLE tillgate.event (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    source_id uuid,
    idempotency_key text NOT NULL,
    type text NOT NULL,
    occurred_at text,
    entity_id text,
    entity_version numeric,
    -- JSON text as it was accepted: jsonb would rewrite numbers and refuse NUL.
    data text NOT NULL,
    received_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
) PARTITION BY RANGE (event_id);

CREATE TABLE tillgate.delivery (
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('pending', 'delivered', 'gave_up', 'none')),
    PRIMARY KEY (tenant_id, event_id)
) PARTITION BY RANGE (event_id);

ALTER TABLE tillgate.ingest_key ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.ingest_key FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.event ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.event FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.delivery ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.delivery FORCE ROW LEVEL SECURITY;

-- What accept does, and nothing else.
CREATE POLICY owner_reads ON tillgate.ingest_key FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_adds ON tillgate.ingest_key FOR INSERT TO tillgate_owner WITH CHECK (true);
CREATE POLICY owner_adds ON tillgate.event FOR INSERT TO tillgate_owner WITH CHECK (true);
CREATE POLICY owner_adds ON tillgate.delivery FOR INSERT TO tillgate_owner WITH CHECK (true);

GRANT SELECT ON tillgate.ingest_key, tillgate.event, tillgate.delivery TO tillgate_api;
CREATE POLICY api_reads_its_tenant ON tillgate.ingest_key FOR SELECT TO tillgate_api
USING (tenant_id = (SELECT tillgate.current_tenant()));
CREATE POLICY api_reads_its_tenant ON tillgate.event FOR SELECT TO tillgate_api
USING (tenant_id = (SELECT tillgate.current_tenant()));
CREATE POLICY api_reads_its_tenant ON tillgate.delivery FOR SELECT TO tillgate_api
USING (tenant_id = (SELECT tillgate.current_tenant()));

-- The least id of an instant: the bounds of partitions, and of searches by time.
CREATE FUNCTION tillgate.first_event_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    lpad(to_hex(floor(extract(EPOCH FROM p_at) * 1000)::bigint), 12, '0') || '70008000000000000000'
)::uuid;
GRANT EXECUTE ON FUNCTION tillgate.first_event_id(timestamptz) TO tillgate_api;

-- A UUIDv7 (RFC 9562, section 5.7, with the sub-millisecond fraction of section 6.2,
-- method 3), so that ids made in one millisecond still sort by time.
CREATE FUNCTION tillgate.new_event_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (
        lpad(to_hex(us / 1000), 12, '0') || '7' || lpad(to_hex(us % 1000 * 4096 / 1000), 3, '0')
        || right(gen_random_uuid()::text, 17)
    )::uuid
    FROM (SELECT (extract(EPOCH FROM p_at) * 1000000)::bigint AS us) AS clock;
END;

-- Makes the partitions of one UTC day; true when they were not there.
-- Attached, not made in place: that takes a lock under which events still go in.
CREATE FUNCTION tillgate.make_partitions(p_day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
    v_parent text;
    v_name text;
    v_made boolean := false;
BEGIN
    FOREACH v_parent IN ARRAY ARRAY['event', 'delivery'] LOOP
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
GRANT EXECUTE ON FUNCTION tillgate.make_partitions(date) TO tillgate_sweep;

-- Stores a tenant's events, all or none, and answers for each in order:
-- [{"outcome": "new"|"duplicate"|"conflict", "event_id", "received_at", "stored_at"}].
-- Items: [{"key", "fingerprint" (hex), "source_id", "type", "occurred_at", "entity_id",
-- "entity_version", "data" (JSON text), "received_at"}].
CREATE FUNCTION tillgate.accept(p_tenant_id uuid, p_items json) RETURNS json
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
            -- No tenant has a destination yet, so there is nowhere to deliver to.
            INSERT INTO tillgate.delivery (tenant_id, event_id, state)
            SELECT p_tenant_id, t.event_id, 'none'
            FROM taken AS t
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
GRANT EXECUTE ON FUNCTION tillgate.accept(uuid, json) TO tillgate_ingest;
