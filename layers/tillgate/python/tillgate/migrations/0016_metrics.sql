-- Counters that are true wherever a scrape lands: every sandbox appends the increase of its own.
SET LOCAL ROLE tillgate_owner;

-- One flush of one sandbox: {"<series>": <increase>}, whole numbers. A sandbox sends the next
-- seq only once it knows that the one before is stored, so what is repeated is its newest row.
CREATE TABLE tillgate.metric_increment (
    sandbox_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- NULL once it is part of the totals; the row stays a while, so that a repeat finds it.
    deltas jsonb CHECK (jsonb_typeof(deltas) = 'object'),
    PRIMARY KEY (sandbox_id, seq)
);
CREATE INDEX metric_increment_open ON tillgate.metric_increment (at) WHERE deltas IS NOT NULL;
CREATE INDEX metric_increment_folded ON tillgate.metric_increment (at) WHERE deltas IS NULL;

-- What was folded, for good. Whole numbers: they add up to the same in whatever order.
CREATE TABLE tillgate.metric_total (
    series text PRIMARY KEY,
    total numeric NOT NULL
);

ALTER TABLE tillgate.metric_increment ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.metric_increment FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.metric_total ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.metric_total FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.metric_increment TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON tillgate.metric_total TO tillgate_owner
USING (true) WITH CHECK (true);

-- Adds one flush; false when it is there already, whether or not it was folded meanwhile.
CREATE FUNCTION tillgate.metrics_add(p_sandbox_id uuid, p_seq bigint, p_deltas jsonb)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tillgate.metric_increment (sandbox_id, seq, deltas)
    VALUES (p_sandbox_id, p_seq, p_deltas)
    ON CONFLICT DO NOTHING;
    RETURN FOUND;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.metrics_add(uuid, bigint, jsonb)
TO tillgate_ingest, tillgate_accept, tillgate_api, tillgate_deliver, tillgate_sweep,
tillgate_health;

-- Moves up to p_limit flushes that are p_age old into the totals, in one transaction: whoever
-- reads sees each in one place or in the other. Gives how many; the caller repeats it until
-- there are fewer. Lets go of rows that were folded and that no repeat can mean any more.
CREATE FUNCTION tillgate.metrics_fold(p_age interval, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT i.sandbox_id, i.seq, i.deltas
        FROM tillgate.metric_increment AS i
        WHERE i.deltas IS NOT NULL AND i.at <= clock_timestamp() - p_age
        ORDER BY i.at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), folded AS (
        UPDATE tillgate.metric_increment AS i
        SET deltas = NULL
        FROM old AS o
        WHERE i.sandbox_id = o.sandbox_id AND i.seq = o.seq
    ), added AS (
        INSERT INTO tillgate.metric_total AS t (series, total)
        SELECT d.key, sum(d.value::numeric)
        FROM old AS o, jsonb_each_text(o.deltas) AS d
        GROUP BY d.key
        -- Two folds at once wait for each other instead of deadlocking.
        ORDER BY d.key
        ON CONFLICT (series) DO UPDATE SET total = t.total + excluded.total
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
GRANT EXECUTE ON FUNCTION tillgate.metrics_fold(interval, integer) TO tillgate_sweep;

-- What all sandboxes have counted, as one snapshot has it, and how many connections each of our
-- roles has: {"series": {"<series>": <total>}, "connections": {"ingest": <n>}}.
CREATE FUNCTION tillgate.metrics_read() RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT json_build_object(
            'series', (
                SELECT coalesce(json_object_agg(s.series, s.total), '{}')
                FROM (
                    SELECT c.series, sum(c.counted) AS total
                    FROM (
                        SELECT t.series, t.total AS counted FROM tillgate.metric_total AS t
                        UNION ALL
                        SELECT d.key, d.value::numeric
                        FROM tillgate.metric_increment AS i, jsonb_each_text(i.deltas) AS d
                        WHERE i.deltas IS NOT NULL
                    ) AS c
                    GROUP BY c.series
                ) AS s
            ),
            'connections', (
                SELECT coalesce(json_object_agg(c.role, c.connections), '{}')
                FROM (
                    SELECT substr(r.rolname, length('tillgate_') + 1) AS role,
                        count(*) AS connections
                    FROM pg_stat_activity AS a
                    JOIN pg_roles AS r ON r.oid = a.usesysid
                    WHERE a.datname = current_database() AND r.rolname LIKE 'tillgate\_%'
                    GROUP BY r.rolname
                ) AS c
            )
        )
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.metrics_read() TO tillgate_health;
