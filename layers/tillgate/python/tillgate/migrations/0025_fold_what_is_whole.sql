-- Folding leaves out what is nobody's, and says how much, in place of failing on it for ever.
SET LOCAL ROLE tillgate_owner;

-- As metrics_fold, and gives how many flushes were folded, and how many tenants' and sources'
-- shares in them were left out since their key is no id: {"folded": n, "dropped": n}. Of such a
-- flush the series, and everybody else's share, count all the same.
CREATE FUNCTION tillgate.metrics_fold_whole(p_age interval, p_limit integer) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_folded bigint;
    v_dropped bigint;
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
        JOIN tillgate.source AS s
            ON s.source_id = CASE WHEN pg_input_is_valid(d.key, 'uuid') THEN d.key::uuid END
        GROUP BY s.source_id, s.tenant_id
        ORDER BY s.source_id
        ON CONFLICT (source_id) DO UPDATE
        SET last_event_at = greatest(a.last_event_at, excluded.last_event_at)
    ), said AS MATERIALIZED (
        -- Once, and not for each width: taking JSON apart is most of the work.
        SELECT CASE WHEN pg_input_is_valid(t.key, 'uuid') THEN t.key::uuid END AS tenant_id,
            o.at, d.*
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
        WHERE d.tenant_id IS NOT NULL
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
    SELECT
        (SELECT count(*) FROM old),
        (SELECT count(*) FROM said AS d WHERE d.tenant_id IS NULL) + (
            SELECT count(*)
            FROM old AS o, jsonb_object_keys(o.activity -> 'sources') AS k (key)
            WHERE NOT pg_input_is_valid(k.key, 'uuid')
        )
    INTO v_folded, v_dropped;

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
    RETURN json_build_object('folded', v_folded, 'dropped', v_dropped);
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.metrics_fold_whole(interval, integer) TO tillgate_sweep;

-- For the version before this one.
CREATE OR REPLACE FUNCTION tillgate.metrics_fold(p_age interval, p_limit integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (tillgate.metrics_fold_whole(p_age, p_limit) ->> 'folded')::bigint;
END
$$;
