-- Each tenant's rate: what it may send, and how much of it all sandboxes together have used.
SET LOCAL ROLE tillgate_owner;

-- Both, or neither for the stage's own.
ALTER TABLE tillgate.tenant
ADD COLUMN events_per_second integer CHECK (events_per_second BETWEEN 1 AND 1000000),
ADD COLUMN burst integer CHECK (burst BETWEEN 1 AND 10000000),
ADD CHECK ((events_per_second IS NULL) = (burst IS NULL));
GRANT UPDATE (events_per_second, burst) ON tillgate.tenant TO tillgate_admin;

-- What registry_snapshot gives, with one member more, which the version before this one passes
-- over: "limits".
CREATE FUNCTION tillgate.registry_with_limits() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT left(tillgate.registry_snapshot(), -1) || ', "limits" : ' || coalesce((
        SELECT json_agg(json_build_object(
            'tenant_id', t.tenant_id, 'events_per_second', t.events_per_second, 'burst', t.burst
        ) ORDER BY t.tenant_id)
        FROM tillgate.tenant AS t
        WHERE t.events_per_second IS NOT NULL
    ), '[]')::text || '}';
END;
GRANT EXECUTE ON FUNCTION tillgate.registry_with_limits() TO tillgate_sweep;

-- How a tenant stands at one instant, ``at``: what is events of its, by which its bucket is less
-- than full, and those it asked for lately, the older the less. ``limited_at`` is when a sandbox
-- last told that it had let fewer through than were asked for.
CREATE TABLE tillgate.tenant_rate (
    tenant_id uuid NOT NULL REFERENCES tillgate.tenant ON DELETE CASCADE,
    -- ingest: events sent; api: reads and replays. Neither is paid for by the other.
    bucket text NOT NULL CHECK (bucket IN ('ingest', 'api')),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    used double precision NOT NULL DEFAULT 0,
    asked double precision NOT NULL DEFAULT 0,
    limited_at timestamptz,
    PRIMARY KEY (tenant_id, bucket)
-- A busy tenant's row is updated by each of its sandboxes every two seconds, in its own page.
) WITH (fillfactor = 50);

ALTER TABLE tillgate.tenant_rate ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.tenant_rate FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.tenant_rate TO tillgate_owner USING (true) WITH CHECK (true);
GRANT SELECT ON tillgate.tenant_rate TO tillgate_admin;
CREATE POLICY admin_reads ON tillgate.tenant_rate FOR SELECT TO tillgate_admin USING (true);

-- What a sandbox has to know of a tenant's rate, once for each tenant that there is: its limit, NULL
-- where it has the stage's, and how it stands, NULL where nobody told of it yet. Look-ups join it,
-- in whatever form they are.
CREATE FUNCTION tillgate.tenant_limit(p_tenant_id uuid, p_bucket text)
RETURNS TABLE (
    events_per_second integer, burst integer, used double precision, seconds double precision
)
LANGUAGE sql STABLE SECURITY DEFINER ROWS 1 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.events_per_second, t.burst, r.used,
        greatest(extract(epoch FROM clock_timestamp() - r.at)::double precision, 0)
    FROM tillgate.tenant AS t
    LEFT JOIN tillgate.tenant_rate AS r ON r.tenant_id = t.tenant_id AND r.bucket = p_bucket
    WHERE t.tenant_id = p_tenant_id;
END;
GRANT EXECUTE ON FUNCTION tillgate.tenant_limit(uuid, text)
TO tillgate_ingest, tillgate_accept, tillgate_api, tillgate_admin;

-- As metrics_add with four, and adds what this sandbox's tenants used of their rates:
-- {"<tenant>": [<events a second>, <burst>, <let through>, <asked for>]}, once for a seq. Gives
-- {"<tenant>": [<used by all sandboxes>, <asked of them lately>]}. A tenant whose row another flush
-- holds just now is left out, in place of waiting for that one's commit: its events are told again
-- with the next. What it counts is what services/limits.py goes by.
CREATE FUNCTION tillgate.metrics_add_used(
    p_sandbox_id uuid, p_seq bigint, p_deltas jsonb, p_activity jsonb, p_bucket text, p_used jsonb
) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
DECLARE
    v_is_new boolean := tillgate.metrics_add(p_sandbox_id, p_seq, p_deltas, p_activity);
    v_now timestamptz := clock_timestamp();
    v_answer json;
BEGIN
    INSERT INTO tillgate.tenant_rate AS r (tenant_id, bucket)
    SELECT t.tenant_id, p_bucket
    FROM jsonb_object_keys(p_used) AS k (key)
    JOIN tillgate.tenant AS t ON t.tenant_id = k.key::uuid
    WHERE NOT EXISTS (
        SELECT FROM tillgate.tenant_rate AS o
        WHERE o.tenant_id = t.tenant_id AND o.bucket = p_bucket
    )
    -- Two that add the same rows wait for each other instead of deadlocking.
    ORDER BY t.tenant_id
    ON CONFLICT DO NOTHING;

    WITH free AS MATERIALIZED (
        SELECT r.tenant_id, (u.value ->> 0)::double precision AS rate,
            (u.value ->> 1)::double precision AS burst,
            CASE WHEN v_is_new THEN (u.value ->> 2)::double precision ELSE 0 END AS used,
            CASE WHEN v_is_new THEN (u.value ->> 3)::double precision ELSE 0 END AS asked,
            -- A clock that was set back lets nothing leak, and nothing be locked out.
            greatest(extract(epoch FROM v_now - r.at)::double precision, 0) AS seconds
        FROM jsonb_each(p_used) AS u
        JOIN tillgate.tenant_rate AS r ON r.tenant_id = u.key::uuid AND r.bucket = p_bucket
        FOR NO KEY UPDATE OF r SKIP LOCKED
    ), added AS (
        UPDATE tillgate.tenant_rate AS r
        SET at = v_now,
            -- A debt is of 300 s and 500 events at the most.
            used = least(
                greatest(r.used - f.rate * f.seconds, 0) + f.used, f.burst + 300 * f.rate + 500
            ),
            -- Of what is four seconds old, 1/e counts. exp() refuses what is too small.
            asked = r.asked * exp(-least(f.seconds / 4, 100)) + f.asked,
            limited_at = CASE WHEN f.asked > f.used THEN v_now ELSE r.limited_at END
        FROM free AS f
        WHERE r.tenant_id = f.tenant_id AND r.bucket = p_bucket
        RETURNING r.tenant_id, r.used, r.asked
    )
    SELECT json_object_agg(a.tenant_id, json_build_array(a.used, a.asked)) INTO v_answer
    FROM added AS a;
    RETURN v_answer;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.metrics_add_used(uuid, bigint, jsonb, jsonb, text, jsonb)
TO tillgate_ingest, tillgate_api;
