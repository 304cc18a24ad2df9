-- What the operator sends to see whether all is well can be taken away again; nothing else can.
SET LOCAL ROLE tillgate_owner;

-- An event is synthetic by what stands in it, and only while it is young.
CREATE FUNCTION tillgate.is_synthetic(p_data text, p_stored_at timestamptz) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
RETURN
    p_stored_at > now() - interval '1 day'
    AND p_data ~ 'tillgate-synthetic-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';

-- The tables themselves refuse anything else, whichever function it is that deletes.
CREATE POLICY owner_discards_synthetic ON tillgate.event FOR DELETE TO tillgate_owner
USING (tillgate.is_synthetic(data, stored_at));
CREATE POLICY owner_discards_synthetic ON tillgate.delivery FOR DELETE TO tillgate_owner
USING (EXISTS (
    SELECT FROM tillgate.event AS e
    WHERE e.tenant_id = delivery.tenant_id AND e.event_id = delivery.event_id
        AND tillgate.is_synthetic(e.data, e.stored_at)
));
CREATE POLICY owner_discards_synthetic ON tillgate.ingest_key FOR DELETE TO tillgate_owner
USING (EXISTS (
    SELECT FROM tillgate.event AS e
    WHERE e.tenant_id = ingest_key.tenant_id AND e.event_id = ingest_key.event_id
        AND tillgate.is_synthetic(e.data, e.stored_at)
));

-- Lets nobody begin to deliver a synthetic event any more, and tells whether an attempt is under
-- way, which may still reach the destination: begun less than p_within ago, and not ended. One
-- that is older was its sandbox's last. No row where there is no such event. Idempotent.
CREATE FUNCTION tillgate.hold_synthetic(
    p_tenant_id uuid, p_event_id uuid, p_within interval
) RETURNS TABLE (is_under_way boolean, was_tried boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM tillgate.event AS e
        WHERE e.tenant_id = p_tenant_id AND e.event_id = p_event_id
            AND tillgate.is_synthetic(e.data, e.stored_at)
    ) THEN
        RETURN;
    END IF;
    UPDATE tillgate.delivery AS d SET state = 'none', due_at = NULL
    WHERE d.tenant_id = p_tenant_id AND d.event_id = p_event_id AND d.state = 'pending';
    RETURN QUERY
    SELECT coalesce(bool_or(
            a.outcome IS NULL AND a.at > clock_timestamp() - p_within
        ), false), count(*) > 0
    FROM tillgate.attempt AS a
    WHERE a.tenant_id = p_tenant_id AND a.event_id = p_event_id;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.hold_synthetic(uuid, uuid, interval) TO tillgate_deliver;

-- Deletes a synthetic event with its key, its delivery and its attempts; false where there is none.
-- The event goes last: by it the policies know the others.
CREATE FUNCTION tillgate.discard_synthetic(p_tenant_id uuid, p_event_id uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_key text;
BEGIN
    SELECT coalesce(s.provider, 'api') || ':' || e.idempotency_key INTO v_key
    FROM tillgate.event AS e
    LEFT JOIN tillgate.source AS s ON s.source_id = e.source_id
    WHERE e.tenant_id = p_tenant_id AND e.event_id = p_event_id
        AND tillgate.is_synthetic(e.data, e.stored_at);
    IF v_key IS NULL THEN
        RETURN false;
    END IF;
    DELETE FROM tillgate.ingest_key AS k
    WHERE k.tenant_id = p_tenant_id AND k.key = v_key AND k.event_id = p_event_id;
    DELETE FROM tillgate.attempt AS a
    WHERE a.tenant_id = p_tenant_id AND a.event_id = p_event_id;
    DELETE FROM tillgate.delivery AS d
    WHERE d.tenant_id = p_tenant_id AND d.event_id = p_event_id;
    DELETE FROM tillgate.event AS e
    WHERE e.tenant_id = p_tenant_id AND e.event_id = p_event_id;
    RETURN true;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.discard_synthetic(uuid, uuid) TO tillgate_deliver;
