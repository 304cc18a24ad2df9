-- What is due, the attempts at it, and what they settle.
SET LOCAL ROLE tillgate_owner;

-- Takes up to p_limit deliveries that are due, the longest due first, and lets them be due
-- again after p_lease. Whoever calls it commits once they are on the queue.
-- Planned with its limit known, and never as a scan of all deliveries.
CREATE FUNCTION tillgate.claim_deliveries(p_limit integer, p_lease interval)
RETURNS TABLE (tenant_id uuid, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
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
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.claim_deliveries(integer, interval) TO tillgate_sweep;

-- Begins an attempt at those of a tenant's events that are still pending, and gives them:
-- {"kind", "url", "sealed_secret" (hex), "open_until", "events": [{...}], "waiting":
-- [{"event_id", "since"}]}. Without a destination kind is NULL. While the breaker is open there
-- are no events and nothing is begun; when its time has passed, whoever asks first may try, and
-- the others wait p_probe longer. One request's events have 4 MiB of data in all, or are one:
-- those beyond that, and all where nothing may be begun, are in "waiting".
-- A repeat with the same attempt gives the same events: the first answer may have been lost.
CREATE FUNCTION tillgate.begin_attempts(
    p_tenant_id uuid, p_event_ids uuid[], p_attempt_id uuid, p_at timestamptz, p_probe interval
) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_destination tillgate.destination;
    v_open_until timestamptz;
    v_events json;
    v_waiting json;
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
        WITH pending AS MATERIALIZED (
            SELECT d.event_id, d.since,
                row_number() OVER by_id = 1
                    OR sum(octet_length(e.data)) OVER by_id <= 4 * 1024 * 1024 AS fits
            FROM tillgate.delivery AS d
            JOIN tillgate.event AS e ON e.tenant_id = p_tenant_id AND e.event_id = d.event_id
            WHERE d.tenant_id = p_tenant_id AND d.event_id = ANY (p_event_ids)
                AND d.state = 'pending'
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
            'received_at', e.received_at, 'stored_at', e.stored_at, 'since', w.since
        ) ORDER BY e.event_id),
        (SELECT json_agg(json_build_object('event_id', o.event_id, 'since', o.since)
            ORDER BY o.event_id) FROM pending AS o WHERE NOT o.fits)
        INTO v_events, v_waiting
        FROM pending AS w
        JOIN tillgate.event AS e ON e.tenant_id = p_tenant_id AND e.event_id = w.event_id
        WHERE w.fits;
    ELSE
        SELECT json_agg(json_build_object('event_id', d.event_id, 'since', d.since)
            ORDER BY d.event_id)
        INTO v_waiting
        FROM tillgate.delivery AS d
        WHERE d.tenant_id = p_tenant_id AND d.event_id = ANY (p_event_ids)
            AND d.state = 'pending';
    END IF;
    RETURN json_build_object(
        'kind', v_destination.kind, 'url', v_destination.url,
        'sealed_secret', encode(v_destination.sealed_secret, 'hex'),
        'open_until', v_open_until, 'events', coalesce(v_events, '[]'::json),
        'waiting', coalesce(v_waiting, '[]'::json));
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.begin_attempts(
    uuid, uuid[], uuid, timestamptz, interval
) TO tillgate_deliver;

-- Writes down what became of attempts, and how the deliveries stand after them.
-- p_attempts: [{"event_id", "attempt_id", "at", "outcome", "status", "duration_ms", "reason"}].
-- p_settled: [{"event_id", "state", "reason", "due_seconds"}]; one that is still pending is
-- queued by sweep after due_seconds, should the queue have lost it. A delivery that is settled
-- stays as it is, and so does one that became pending anew since the attempt was begun: its
-- replay is still to come. p_is_well says whether the destination works, NULL that it cannot
-- be told: after p_trip failures in a row the breaker is open for p_open. What is known of an
-- attempt stays so, and a repeat of it, which the lost answer to the first may bring about, is
-- no other failure.
CREATE FUNCTION tillgate.record_attempts(
    p_tenant_id uuid, p_attempts json, p_settled json, p_is_well boolean, p_trip integer,
    p_open interval
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_news bigint;
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
        duration_ms = excluded.duration_ms, reason = excluded.reason
    WHERE a.outcome IS NULL;
    GET DIAGNOSTICS v_news = ROW_COUNT;

    -- In order, so that two that have events in common wait for each other.
    PERFORM FROM tillgate.delivery AS d
    WHERE d.tenant_id = p_tenant_id AND d.state = 'pending' AND d.event_id = ANY (ARRAY(
        SELECT s.event_id FROM json_to_recordset(p_settled) AS s (event_id uuid)
    ))
    ORDER BY d.event_id
    FOR UPDATE;

    UPDATE tillgate.delivery AS d
    SET state = s.state,
        due_at = CASE WHEN s.state = 'pending'
            THEN now() + make_interval(secs => coalesce(s.due_seconds, 0)) END,
        gave_up_reason = CASE WHEN s.state = 'gave_up' THEN s.reason END
    FROM json_to_recordset(p_settled) AS s (
        event_id uuid, state text, reason text, due_seconds double precision
    )
    WHERE d.tenant_id = p_tenant_id AND d.event_id = s.event_id AND d.state = 'pending'
        AND NOT EXISTS (
            SELECT FROM json_to_recordset(p_attempts) AS r (event_id uuid, attempt_id uuid)
            JOIN tillgate.attempt AS a ON a.tenant_id = p_tenant_id
                AND a.event_id = r.event_id AND a.attempt_id = r.attempt_id
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
GRANT EXECUTE ON FUNCTION tillgate.record_attempts(
    uuid, json, json, boolean, integer, interval
) TO tillgate_deliver;
