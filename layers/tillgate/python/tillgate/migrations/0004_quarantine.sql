-- What could not be accepted as it stood, sealed, until a person has looked or it expires.
SET LOCAL ROLE tillgate_owner;

CREATE TABLE tillgate.quarantine (
    quarantine_id uuid PRIMARY KEY,
    tenant_id uuid,
    -- A source's or an app's; NULL when there is no such endpoint.
    endpoint_id uuid,
    provider text NOT NULL,
    reason text NOT NULL,
    rid text NOT NULL,
    received_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    sealed_content bytea NOT NULL
);
CREATE INDEX quarantine_endpoint_id ON tillgate.quarantine (endpoint_id, received_at);
CREATE INDEX quarantine_expires_at ON tillgate.quarantine (expires_at);

-- How much was kept on a UTC day. The nil UUID counts for endpoints that do not exist.
CREATE TABLE tillgate.quarantine_quota (
    day date NOT NULL,
    endpoint_id uuid NOT NULL,
    kept bigint NOT NULL,
    kept_bytes bigint NOT NULL,
    PRIMARY KEY (day, endpoint_id)
);

ALTER TABLE tillgate.quarantine ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.quarantine FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.quarantine_quota ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.quarantine_quota FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_adds ON tillgate.quarantine FOR INSERT TO tillgate_owner WITH CHECK (true);
CREATE POLICY owner_finds ON tillgate.quarantine FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_discards ON tillgate.quarantine FOR DELETE TO tillgate_owner
USING (expires_at < now());
CREATE POLICY owner_counts ON tillgate.quarantine_quota TO tillgate_owner
USING (true) WITH CHECK (true);

-- Keeps one; false when that would be more than p_daily_limit of them, or p_daily_bytes of
-- sealed content, today. Both NULL: it is always kept, and not counted.
CREATE FUNCTION tillgate.quarantine_put(
    p_quarantine_id uuid, p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_rid text, p_received_at timestamptz, p_expires_at timestamptz, p_sealed_content bytea,
    p_daily_limit bigint, p_daily_bytes bigint
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_day date := (now() AT TIME ZONE 'UTC')::date;
    v_counter uuid := coalesce(p_endpoint_id, '00000000-0000-0000-0000-000000000000');
    v_bytes bigint := octet_length(p_sealed_content);
    v_kept bigint;
    v_kept_bytes bigint;
BEGIN
    -- The caller may repeat a call whose answer was lost: that is kept, and counted, once.
    IF EXISTS (
        SELECT FROM tillgate.quarantine AS q WHERE q.quarantine_id = p_quarantine_id
    ) THEN
        RETURN true;
    END IF;
    IF p_daily_limit IS NOT NULL THEN
        -- Looking first spares a flood of forgeries the lock, once the limit is reached.
        SELECT q.kept, q.kept_bytes INTO v_kept, v_kept_bytes
        FROM tillgate.quarantine_quota AS q
        WHERE q.day = v_day AND q.endpoint_id = v_counter;
        IF coalesce(v_kept, 0) >= p_daily_limit
            OR coalesce(v_kept_bytes, 0) + v_bytes > p_daily_bytes
        THEN
            RETURN false;
        END IF;
        INSERT INTO tillgate.quarantine_quota AS q (day, endpoint_id, kept, kept_bytes)
        VALUES (v_day, v_counter, 1, v_bytes)
        ON CONFLICT (day, endpoint_id) DO UPDATE
        SET kept = q.kept + 1, kept_bytes = q.kept_bytes + v_bytes
        WHERE q.kept < p_daily_limit AND q.kept_bytes + v_bytes <= p_daily_bytes;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    INSERT INTO tillgate.quarantine (
        quarantine_id, tenant_id, endpoint_id, provider, reason, rid, received_at, expires_at,
        sealed_content
    ) VALUES (
        p_quarantine_id, p_tenant_id, p_endpoint_id, p_provider, p_reason, p_rid, p_received_at,
        p_expires_at, p_sealed_content
    )
    -- The lost call may be under way yet.
    ON CONFLICT (quarantine_id) DO NOTHING;
    RETURN true;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_put(
    uuid, uuid, uuid, text, text, text, timestamptz, timestamptz, bytea, bigint, bigint
) TO tillgate_ingest;

-- Deletes up to p_limit of what has expired, oldest first, and the counters of past days.
CREATE FUNCTION tillgate.quarantine_discard_expired(p_limit bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_discarded bigint;
BEGIN
    DELETE FROM tillgate.quarantine_quota AS q WHERE q.day < (now() AT TIME ZONE 'UTC')::date - 1;
    DELETE FROM tillgate.quarantine AS q
    WHERE q.quarantine_id IN (
        SELECT e.quarantine_id FROM tillgate.quarantine AS e
        WHERE e.expires_at < now()
        ORDER BY e.expires_at
        LIMIT p_limit
    );
    GET DIAGNOSTICS v_discarded = ROW_COUNT;
    RETURN v_discarded;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_discard_expired(bigint) TO tillgate_sweep;
