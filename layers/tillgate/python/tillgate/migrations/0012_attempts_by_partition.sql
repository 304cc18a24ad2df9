-- Functions that read the partitions they need and no others, however much history there is.
-- plpgsql plans a statement once and for all from its sixth call on, and such a plan reads every
-- partition unless it is told from which id to which.
SET LOCAL ROLE tillgate_owner;

-- As before, and "tried_since" of each event: when the first attempt before this one
-- was made, NULL where there is none.
CREATE OR REPLACE FUNCTION tillgate.begin_attempts(
    p_tenant_id uuid, p_event_ids uuid[], p_attempt_id uuid, p_at timestamptz, p_probe interval
) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_destination tillgate.destination;
    v_open_until timestamptz;
    v_events json;
    v_waiting json;
    v_sources json;
    -- The partitions that hold them: neither an array nor a join tells the planner which.
    v_least uuid;
    v_greatest uuid;
BEGIN
    SELECT i.event_id INTO v_least FROM unnest(p_event_ids) AS i (event_id) ORDER BY 1 LIMIT 1;
    SELECT i.event_id INTO v_greatest FROM unnest(p_event_ids) AS i (event_id)
    ORDER BY 1 DESC LIMIT 1;
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
        WITH pending AS MATERIALIZED (
            SELECT d.event_id, d.since, e.source_id, (
                    SELECT min(a.at) FROM tillgate.attempt AS a
                    WHERE a.tenant_id = p_tenant_id AND a.event_id = d.event_id
                        AND a.event_id BETWEEN v_least AND v_greatest AND a.since = d.since
                        AND a.attempt_id <> p_attempt_id
                ) AS tried_since,
                row_number() OVER by_id = 1
                    OR sum(octet_length(e.data)) OVER by_id <= 4 * 1024 * 1024 AS fits
            FROM tillgate.delivery AS d
            JOIN tillgate.event AS e ON e.tenant_id = p_tenant_id AND e.event_id = d.event_id
                AND e.event_id BETWEEN v_least AND v_greatest
            WHERE d.tenant_id = p_tenant_id AND d.event_id = ANY (p_event_ids)
                AND d.event_id BETWEEN v_least AND v_greatest AND d.state = 'pending'
            WINDOW by_id AS (ORDER BY d.event_id)
        ), begun AS (
            INSERT INTO tillgate.attempt (tenant_id, event_id, attempt_id, at, since)
            SELECT p_tenant_id, w.event_id, p_attempt_id, p_at, w.since
            FROM pending AS w
            WHERE w.fits
            ON CONFLICT DO NOTHING
        )
        SELECT json_agg(json_build_object(
            'event_id', e.event_id, 'type', e.type, 'occurred_at', e.occurred_at,
            'entity_id', e.entity_id, 'entity_version', e.entity_version,
            'idempotency_key', e.idempotency_key, 'source_id', e.source_id, 'data', e.data,
            'received_at', e.received_at, 'stored_at', e.stored_at, 'since', w.since,
            'tried_since', w.tried_since
        ) ORDER BY e.event_id),
        (SELECT json_agg(json_build_object('event_id', o.event_id, 'since', o.since,
            'tried_since', o.tried_since)
            ORDER BY o.event_id) FROM pending AS o WHERE NOT o.fits),
        (SELECT json_agg(json_build_object(
            'source_id', s.source_id, 'provider', s.provider, 'merchant_id', s.merchant_id,
            'api_url', s.api_url, 'sealed_credential', encode(s.sealed_credential, 'hex')
        ) ORDER BY s.source_id)
        FROM tillgate.source AS s
        WHERE s.tenant_id = p_tenant_id AND s.sealed_credential IS NOT NULL
            AND s.source_id IN (SELECT o.source_id FROM pending AS o WHERE o.fits))
        INTO v_events, v_waiting, v_sources
        FROM pending AS w
        JOIN tillgate.event AS e ON e.tenant_id = p_tenant_id AND e.event_id = w.event_id
            AND e.event_id BETWEEN v_least AND v_greatest
        WHERE w.fits;
    ELSE
        SELECT json_agg(json_build_object('event_id', d.event_id, 'since', d.since, 'tried_since', (
            SELECT min(a.at) FROM tillgate.attempt AS a
            WHERE a.tenant_id = p_tenant_id AND a.event_id = d.event_id
                AND a.event_id BETWEEN v_least AND v_greatest AND a.since = d.since))
            ORDER BY d.event_id)
        INTO v_waiting
        FROM tillgate.delivery AS d
        WHERE d.tenant_id = p_tenant_id AND d.event_id = ANY (p_event_ids)
            AND d.event_id BETWEEN v_least AND v_greatest AND d.state = 'pending';
    END IF;
    RETURN json_build_object(
        'kind', v_destination.kind, 'url', v_destination.url,
        'sealed_secret', encode(v_destination.sealed_secret, 'hex'),
        'open_until', v_open_until, 'events', coalesce(v_events, '[]'::json),
        'waiting', coalesce(v_waiting, '[]'::json),
        'sources', coalesce(v_sources, '[]'::json));
END
$$;

-- As before, and what the destination took is delivered even where another worker gave it up
-- meanwhile. p_settled may say with "since" when that became pending which was settled without a
-- request.
CREATE OR REPLACE FUNCTION tillgate.record_attempts(
    p_tenant_id uuid, p_attempts json, p_settled json, p_is_well boolean, p_trip integer,
    p_open interval
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_news bigint;
    v_least uuid;
    v_greatest uuid;
BEGIN
    SELECT s.event_id INTO v_least
    FROM json_to_recordset(p_settled) AS s (event_id uuid) ORDER BY 1 LIMIT 1;
    SELECT s.event_id INTO v_greatest
    FROM json_to_recordset(p_settled) AS s (event_id uuid) ORDER BY 1 DESC LIMIT 1;

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
        duration_ms = excluded.duration_ms, reason = excluded.reason
    WHERE a.outcome IS NULL;
    GET DIAGNOSTICS v_news = ROW_COUNT;

    -- In order, so that two that have events in common wait for each other.
    PERFORM FROM tillgate.delivery AS d
    WHERE d.tenant_id = p_tenant_id AND d.state IN ('pending', 'gave_up')
        AND d.event_id BETWEEN v_least AND v_greatest AND d.event_id = ANY (ARRAY(
            SELECT s.event_id FROM json_to_recordset(p_settled) AS s (event_id uuid)
        ))
    ORDER BY d.event_id
    FOR UPDATE;

    UPDATE tillgate.delivery AS d
    SET state = s.state,
        due_at = CASE WHEN s.state = 'pending'
            THEN now() + make_interval(secs => coalesce(s.due_seconds, 0)) END,
        gave_up_reason = CASE WHEN s.state = 'gave_up' THEN s.reason END,
        discarded_at = CASE WHEN s.state = 'gave_up' THEN d.discarded_at END
    FROM json_to_recordset(p_settled) AS s (
        event_id uuid, state text, reason text, due_seconds double precision, since timestamptz
    )
    WHERE d.tenant_id = p_tenant_id AND d.event_id = s.event_id
        AND d.event_id BETWEEN v_least AND v_greatest
        -- What the destination has is delivered, whatever another worker thought meanwhile.
        AND (d.state = 'pending' OR d.state = 'gave_up' AND s.state = 'delivered')
        -- What was settled without a request says itself when that became pending.
        AND coalesce(s.since = d.since, true)
        -- It may have got a destination since nobody found one.
        AND NOT (s.state = 'gave_up' AND s.reason = 'no-destination' AND EXISTS (
            SELECT FROM tillgate.destination AS o WHERE o.tenant_id = p_tenant_id
        ))
        AND NOT EXISTS (
            SELECT FROM json_to_recordset(p_attempts) AS r (event_id uuid, attempt_id uuid)
            JOIN tillgate.attempt AS a ON a.tenant_id = p_tenant_id
                AND a.event_id = r.event_id AND a.attempt_id = r.attempt_id
                AND a.event_id BETWEEN v_least AND v_greatest
            WHERE r.event_id = d.event_id AND a.since < d.since
        );

    IF v_news = 0 THEN
        RETURN;
    END IF;
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

-- As before, and a key that is known is looked up by itself.
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
        -- Each by the primary key: joined, they may be hashed with all keys of the tenant.
        LEFT JOIN LATERAL (
            SELECT o.event_id, o.fingerprint, o.received_at, o.stored_at
            FROM tillgate.ingest_key AS o
            WHERE o.tenant_id = p_tenant_id AND o.key = i.key
            OFFSET 0
        ) AS k ON true;

        IF v_unknown = 0 THEN
            RETURN v_answers;
        END IF;
        -- Retention removed a key between the two statements: it is free now.
    END LOOP;
END
$$;
