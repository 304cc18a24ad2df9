-- Looking at what is in quarantine, trying it again, and discarding it.
SET LOCAL ROLE tillgate_owner;

-- Of how many events it is; of what is older, one is all that is known.
ALTER TABLE tillgate.quarantine ADD COLUMN events integer NOT NULL DEFAULT 1;
-- What is set aside while these are made waits, and after its deadline is queued.
CREATE INDEX quarantine_received_at ON tillgate.quarantine (received_at, quarantine_id);
CREATE INDEX quarantine_tenant_id ON tillgate.quarantine (tenant_id, received_at, quarantine_id);

CREATE POLICY owner_changes ON tillgate.quarantine FOR UPDATE TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_removes ON tillgate.quarantine FOR DELETE TO tillgate_owner USING (true);

-- As the one of migration 4, and with the number of events.
CREATE FUNCTION tillgate.quarantine_put(
    p_quarantine_id uuid, p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_rid text, p_received_at timestamptz, p_expires_at timestamptz, p_sealed_content bytea,
    p_daily_limit bigint, p_daily_bytes bigint, p_events integer
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
        sealed_content, events
    ) VALUES (
        p_quarantine_id, p_tenant_id, p_endpoint_id, p_provider, p_reason, p_rid, p_received_at,
        p_expires_at, p_sealed_content, p_events
    )
    -- The lost call may be under way yet.
    ON CONFLICT (quarantine_id) DO NOTHING;
    RETURN true;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_put(
    uuid, uuid, uuid, text, text, text, timestamptz, timestamptz, bytea, bigint, bigint, integer
) TO tillgate_ingest, tillgate_accept;

-- What an older version still asks.
CREATE OR REPLACE FUNCTION tillgate.quarantine_put(
    p_quarantine_id uuid, p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_rid text, p_received_at timestamptz, p_expires_at timestamptz, p_sealed_content bytea,
    p_daily_limit bigint, p_daily_bytes bigint
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN tillgate.quarantine_put(
        p_quarantine_id, p_tenant_id, p_endpoint_id, p_provider, p_reason, p_rid, p_received_at,
        p_expires_at, p_sealed_content, p_daily_limit, p_daily_bytes, 1
    );
END
$$;

-- What the functions below mean by their first six parameters: NULL stands for any. What has
-- expired is nobody's any more; sweep removes it.

-- From before (p_before_at, p_before_id) on, the newest receipt first; NULL: from the newest.
CREATE FUNCTION tillgate.quarantine_list(
    p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_since timestamptz, p_until timestamptz,
    p_before_at timestamptz, p_before_id uuid, p_limit integer
) RETURNS TABLE (
    quarantine_id uuid, reason text, provider text, tenant_id uuid, endpoint_id uuid,
    events integer, sealed_bytes integer, rid text, received_at timestamptz,
    expires_at timestamptz
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT q.quarantine_id, q.reason, q.provider, q.tenant_id, q.endpoint_id, q.events,
        octet_length(q.sealed_content), q.rid, q.received_at, q.expires_at
    FROM tillgate.quarantine AS q
    WHERE q.expires_at > now()
        AND (p_tenant_id IS NULL OR q.tenant_id = p_tenant_id)
        AND (p_endpoint_id IS NULL OR q.endpoint_id = p_endpoint_id)
        AND (p_provider IS NULL OR q.provider = p_provider)
        AND (p_reason IS NULL OR q.reason = p_reason)
        AND (p_since IS NULL OR q.received_at >= p_since)
        AND (p_until IS NULL OR q.received_at < p_until)
        AND (p_before_id IS NULL
            OR (q.received_at, q.quarantine_id) < (p_before_at, p_before_id))
    ORDER BY q.received_at DESC, q.quarantine_id DESC
    LIMIT p_limit;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_list(
    uuid, uuid, text, text, timestamptz, timestamptz, timestamptz, uuid, integer
) TO tillgate_admin;

-- How many deliveries and events there are for each cause.
CREATE FUNCTION tillgate.quarantine_plan(
    p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_since timestamptz, p_until timestamptz
) RETURNS TABLE (
    reason text, provider text, tenant_id uuid, endpoint_id uuid, count bigint, events bigint,
    oldest timestamptz, newest timestamptz
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT q.reason, q.provider, q.tenant_id, q.endpoint_id, count(*), sum(q.events),
        min(q.received_at), max(q.received_at)
    FROM tillgate.quarantine AS q
    WHERE q.expires_at > now()
        AND (p_tenant_id IS NULL OR q.tenant_id = p_tenant_id)
        AND (p_endpoint_id IS NULL OR q.endpoint_id = p_endpoint_id)
        AND (p_provider IS NULL OR q.provider = p_provider)
        AND (p_reason IS NULL OR q.reason = p_reason)
        AND (p_since IS NULL OR q.received_at >= p_since)
        AND (p_until IS NULL OR q.received_at < p_until)
    GROUP BY q.reason, q.provider, q.tenant_id, q.endpoint_id
    ORDER BY q.reason, q.provider, q.tenant_id, q.endpoint_id;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_plan(
    uuid, uuid, text, text, timestamptz, timestamptz
) TO tillgate_admin;

-- One of them, and with p_with_content what is sealed; nothing when there is none.
CREATE FUNCTION tillgate.quarantine_find(p_quarantine_id uuid, p_with_content boolean)
RETURNS TABLE (
    quarantine_id uuid, reason text, provider text, tenant_id uuid, endpoint_id uuid,
    events integer, sealed_bytes integer, rid text, received_at timestamptz,
    expires_at timestamptz, sealed_content bytea
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT q.quarantine_id, q.reason, q.provider, q.tenant_id, q.endpoint_id, q.events,
        octet_length(q.sealed_content), q.rid, q.received_at, q.expires_at,
        CASE WHEN p_with_content THEN q.sealed_content END
    FROM tillgate.quarantine AS q
    WHERE q.quarantine_id = p_quarantine_id AND q.expires_at > now();
END;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_find(uuid, boolean) TO tillgate_admin;

-- What a retry takes next: from after (p_after_at, p_after_id) on, the oldest receipt first.
-- What a revoked token brought is tried again only by whoever names that reason.
CREATE FUNCTION tillgate.quarantine_next(
    p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_since timestamptz, p_until timestamptz,
    p_after_at timestamptz, p_after_id uuid, p_limit integer
) RETURNS TABLE (received_at timestamptz, quarantine_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT q.received_at, q.quarantine_id
    FROM tillgate.quarantine AS q
    WHERE q.expires_at > now()
        AND (p_reason IS NOT NULL OR q.reason <> 'token-revoked')
        AND (p_tenant_id IS NULL OR q.tenant_id = p_tenant_id)
        AND (p_endpoint_id IS NULL OR q.endpoint_id = p_endpoint_id)
        AND (p_provider IS NULL OR q.provider = p_provider)
        AND (p_reason IS NULL OR q.reason = p_reason)
        AND (p_since IS NULL OR q.received_at >= p_since)
        AND (p_until IS NULL OR q.received_at < p_until)
        AND (p_after_id IS NULL OR (q.received_at, q.quarantine_id) > (p_after_at, p_after_id))
    ORDER BY q.received_at, q.quarantine_id
    LIMIT p_limit;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_next(
    uuid, uuid, text, text, timestamptz, timestamptz, timestamptz, uuid, integer
) TO tillgate_admin;

-- Holds one until the transaction ends, so that nobody else tries it meanwhile: 'claimed', with
-- all of it; or 'busy', when somebody does; 'expired'; 'gone'.
CREATE FUNCTION tillgate.quarantine_claim(p_quarantine_id uuid)
RETURNS TABLE (
    standing text, quarantine_id uuid, reason text, provider text, tenant_id uuid,
    endpoint_id uuid, events integer, sealed_bytes integer, rid text, received_at timestamptz,
    expires_at timestamptz, sealed_content bytea
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    v_found tillgate.quarantine;
BEGIN
    SELECT q.* INTO v_found FROM tillgate.quarantine AS q
    WHERE q.quarantine_id = p_quarantine_id
    FOR UPDATE SKIP LOCKED;
    IF FOUND AND v_found.expires_at > now() THEN
        RETURN QUERY SELECT 'claimed', v_found.quarantine_id, v_found.reason, v_found.provider,
            v_found.tenant_id, v_found.endpoint_id, v_found.events,
            octet_length(v_found.sealed_content), v_found.rid, v_found.received_at,
            v_found.expires_at, v_found.sealed_content;
        RETURN;
    END IF;
    standing := CASE
        WHEN FOUND THEN 'expired'
        WHEN EXISTS (
            SELECT FROM tillgate.quarantine AS q WHERE q.quarantine_id = p_quarantine_id
        ) THEN 'busy'
        ELSE 'gone'
    END;
    RETURN NEXT;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_claim(uuid) TO tillgate_admin;

-- Stores events out of a delivery that the caller has claimed, as tillgate.accept does, which
-- the operator's role may not call: without something in quarantine it can store nothing. What is
-- in it is sealed, so which events those are is the caller's word.
CREATE FUNCTION tillgate.quarantine_accept(
    p_quarantine_id uuid, p_tenant_id uuid, p_items json
) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM FROM tillgate.quarantine AS q
    WHERE q.quarantine_id = p_quarantine_id
    FOR UPDATE NOWAIT;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this delivery is not in quarantine' USING ERRCODE = 'no_data_found';
    END IF;
    RETURN tillgate.accept(p_tenant_id, p_items);
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_accept(uuid, uuid, json) TO tillgate_admin;

-- Ends a retry: what is still refused stays, for each cause once, under the ids that the caller
-- gives; the delivery's own is removed unless it is among them. When it was received and when it
-- expires is what it was.
CREATE FUNCTION tillgate.quarantine_settle(
    p_quarantine_id uuid, p_provider text, p_endpoint_id uuid, p_ids uuid[], p_reasons text[],
    p_tenant_ids uuid[], p_events integer[], p_sealed_contents bytea[]
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_known tillgate.quarantine;
BEGIN
    SELECT q.* INTO v_known FROM tillgate.quarantine AS q
    WHERE q.quarantine_id = p_quarantine_id
    FOR UPDATE NOWAIT;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'this delivery is not in quarantine' USING ERRCODE = 'no_data_found';
    END IF;
    DELETE FROM tillgate.quarantine AS q WHERE q.quarantine_id = p_quarantine_id;
    INSERT INTO tillgate.quarantine (
        quarantine_id, tenant_id, endpoint_id, provider, reason, rid, received_at, expires_at,
        sealed_content, events
    )
    SELECT r.id, r.tenant_id, p_endpoint_id, p_provider, r.reason, v_known.rid,
        v_known.received_at, v_known.expires_at, r.sealed_content, r.events
    FROM unnest(p_ids, p_reasons, p_tenant_ids, p_events, p_sealed_contents)
        AS r (id, reason, tenant_id, events, sealed_content);
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_settle(
    uuid, text, uuid, uuid[], text[], uuid[], integer[], bytea[]
) TO tillgate_admin;

-- Removes up to p_limit of them for good, the oldest first; gives how many. p_ids NULL stands
-- for any.
CREATE FUNCTION tillgate.quarantine_discard(
    p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_since timestamptz, p_until timestamptz, p_ids uuid[], p_limit integer
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_count bigint;
BEGIN
    WITH chosen AS MATERIALIZED (
        SELECT q.quarantine_id
        FROM tillgate.quarantine AS q
        WHERE q.expires_at > now()
            AND (p_ids IS NULL OR q.quarantine_id = ANY (p_ids))
            AND (p_tenant_id IS NULL OR q.tenant_id = p_tenant_id)
            AND (p_endpoint_id IS NULL OR q.endpoint_id = p_endpoint_id)
            AND (p_provider IS NULL OR q.provider = p_provider)
            AND (p_reason IS NULL OR q.reason = p_reason)
            AND (p_since IS NULL OR q.received_at >= p_since)
            AND (p_until IS NULL OR q.received_at < p_until)
        ORDER BY q.received_at, q.quarantine_id
        LIMIT p_limit
        FOR UPDATE
    )
    DELETE FROM tillgate.quarantine AS q USING chosen
    WHERE q.quarantine_id = chosen.quarantine_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_discard(
    uuid, uuid, text, text, timestamptz, timestamptz, uuid[], integer
) TO tillgate_admin;

-- Whose a delivery is now is looked up by the path that stores it.
GRANT EXECUTE ON FUNCTION tillgate.look_up_endpoint(text, uuid) TO tillgate_admin;
GRANT EXECUTE ON FUNCTION tillgate.find_bound_source(uuid, text) TO tillgate_admin;
