-- A source's own credential for its vendor's API, from which deliver fetches what the vendor's
-- events only name.
SET LOCAL ROLE tillgate_owner;

-- In the order in which look-ups lock them, as before.
LOCK TABLE tillgate.source IN ACCESS EXCLUSIVE MODE;

ALTER TABLE tillgate.source
ADD COLUMN sealed_credential bytea,
ADD COLUMN api_url text CHECK (length(api_url) BETWEEN 1 AND 2048),
ADD COLUMN credential_set_at timestamptz,
ADD CHECK (num_nonnulls(sealed_credential, api_url, credential_set_at) IN (0, 3));

GRANT UPDATE (sealed_credential, api_url, credential_set_at) ON tillgate.source
TO tillgate_admin;

-- As before, and "sources": [{"source_id", "provider", "merchant_id", "api_url",
-- "sealed_credential" (hex)}], those of the begun events' sources that have a credential. The
-- version before this one does not look at it.
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
            SELECT d.event_id, d.since, e.source_id,
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
        'waiting', coalesce(v_waiting, '[]'::json),
        'sources', coalesce(v_sources, '[]'::json));
END
$$;
