-- Delivering again: replays, dead letters, and the redrives that move them.
SET LOCAL ROLE tillgate_owner;

-- Delivers events again, whatever became of them before; gives how many there are. Those of
-- a tenant without a destination, and those that wait already, are left as they are.
CREATE FUNCTION tillgate.replay(p_tenant_id uuid, p_event_ids uuid[]) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
BEGIN
    WITH settled AS MATERIALIZED (
        SELECT d.event_id
        FROM tillgate.delivery AS d
        WHERE d.tenant_id = p_tenant_id AND d.event_id = ANY (p_event_ids)
            AND d.state <> 'pending'
            AND EXISTS (SELECT FROM tillgate.destination AS o WHERE o.tenant_id = p_tenant_id)
        ORDER BY d.event_id
        FOR UPDATE OF d
    )
    UPDATE tillgate.delivery AS d
    SET state = 'pending', since = clock_timestamp(), due_at = clock_timestamp(),
        gave_up_reason = NULL, discarded_at = NULL
    FROM settled AS s
    WHERE d.tenant_id = p_tenant_id AND d.event_id = s.event_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.replay(uuid, uuid[]) TO tillgate_admin;

-- The same for one event of the tenant that the transaction is set to: 'pending' when it is
-- or was, 'no-destination' when there is nowhere to deliver to, NULL when it has no such event.
CREATE FUNCTION tillgate.replay_own(p_event_id uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant_id uuid := tillgate.current_tenant();
BEGIN
    IF NOT EXISTS (
        SELECT FROM tillgate.delivery AS d
        WHERE d.tenant_id = v_tenant_id AND d.event_id = p_event_id
    ) THEN
        RETURN NULL;
    END IF;
    IF NOT EXISTS (SELECT FROM tillgate.destination AS o WHERE o.tenant_id = v_tenant_id) THEN
        RETURN 'no-destination';
    END IF;
    PERFORM tillgate.replay(v_tenant_id, ARRAY[p_event_id]);
    RETURN 'pending';
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.replay_own(uuid) TO tillgate_api;

-- Dead letters: what was given up and not discarded. NULL stands for any tenant and reason.
-- Planned with the filters known, since each has an index.

-- The newest events first, from before p_before on (NULL: from the newest), with the last
-- attempt's time and HTTP status.
CREATE FUNCTION tillgate.dead_letters(
    p_tenant_id uuid, p_reason text, p_before uuid, p_limit integer
) RETURNS TABLE (
    event_id uuid, tenant_id uuid, reason text, since timestamptz,
    attempted_at timestamptz, status integer
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.event_id, d.tenant_id, d.gave_up_reason, d.since, a.at, a.status
    FROM (
        SELECT d.event_id, d.tenant_id, d.gave_up_reason, d.since
        FROM tillgate.delivery AS d
        WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
            AND (p_tenant_id IS NULL OR d.tenant_id = p_tenant_id)
            AND (p_reason IS NULL OR d.gave_up_reason = p_reason)
            AND (p_before IS NULL OR d.event_id < p_before)
        ORDER BY d.event_id DESC
        LIMIT p_limit
    ) AS d
    LEFT JOIN LATERAL (
        SELECT a.at, a.status
        FROM tillgate.attempt AS a
        WHERE a.tenant_id = d.tenant_id AND a.event_id = d.event_id
        ORDER BY a.at DESC
        LIMIT 1
    ) AS a ON true
    ORDER BY d.event_id DESC;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.dead_letters(uuid, text, uuid, integer) TO tillgate_admin;

-- How many there are by tenant and reason, and since when the oldest and the newest.
CREATE FUNCTION tillgate.dead_letter_plan(p_tenant_id uuid, p_reason text)
RETURNS TABLE (tenant_id uuid, reason text, count bigint, oldest timestamptz, newest timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT d.tenant_id, d.gave_up_reason, count(*), min(d.since), max(d.since)
    FROM tillgate.delivery AS d
    WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
        AND (p_tenant_id IS NULL OR d.tenant_id = p_tenant_id)
        AND (p_reason IS NULL OR d.gave_up_reason = p_reason)
    GROUP BY d.tenant_id, d.gave_up_reason
    ORDER BY d.tenant_id, d.gave_up_reason;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.dead_letter_plan(uuid, text) TO tillgate_admin;

-- Marks up to p_limit of them as seen and done with; gives how many, so that the caller
-- repeats it until there are fewer. p_event_ids NULL stands for any event.
CREATE FUNCTION tillgate.discard_dead_letters(
    p_tenant_id uuid, p_reason text, p_event_ids uuid[], p_limit integer
) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_count bigint;
BEGIN
    WITH dead AS MATERIALIZED (
        SELECT d.tenant_id, d.event_id
        FROM tillgate.delivery AS d
        WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
            AND (p_tenant_id IS NULL OR d.tenant_id = p_tenant_id)
            AND (p_reason IS NULL OR d.gave_up_reason = p_reason)
            AND (p_event_ids IS NULL OR d.event_id = ANY (p_event_ids))
        ORDER BY d.event_id
        LIMIT p_limit
        FOR UPDATE
    )
    UPDATE tillgate.delivery AS d
    SET discarded_at = now()
    FROM dead
    WHERE d.tenant_id = dead.tenant_id AND d.event_id = dead.event_id;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.discard_dead_letters(
    uuid, text, uuid[], integer
) TO tillgate_admin;

-- Moves a second's worth of each running redrive's dead letters back into delivery, at most
-- p_limit in all and the oldest events first; they are due after p_lease. Whoever calls it
-- commits once they are on the queue. Each redrive has one step a second, whoever takes it,
-- and ends when none is left.
CREATE FUNCTION tillgate.redrive_step(p_limit integer, p_lease interval)
RETURNS TABLE (tenant_id uuid, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    v_redrive tillgate.redrive;
    v_left bigint := p_limit;
    v_moved bigint;
BEGIN
    WHILE v_left > 0 LOOP
        -- A little less than a second, which is what two looks at the clock may differ by.
        SELECT r.* INTO v_redrive
        FROM tillgate.redrive AS r
        WHERE r.state = 'running'
            AND coalesce(r.stepped_at <= now() - interval '950 ms', true)
        ORDER BY r.stepped_at NULLS FIRST, r.started_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;

        RETURN QUERY
        WITH dead AS MATERIALIZED (
            SELECT d.tenant_id, d.event_id
            FROM tillgate.delivery AS d
            WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
                AND d.since < v_redrive.started_at
                AND (v_redrive.tenant_id IS NULL OR d.tenant_id = v_redrive.tenant_id)
                AND (v_redrive.reason IS NULL OR d.gave_up_reason = v_redrive.reason)
            ORDER BY d.event_id
            LIMIT least(v_redrive.per_second, v_left)
            FOR UPDATE SKIP LOCKED
        )
        UPDATE tillgate.delivery AS d
        SET state = 'pending', since = clock_timestamp(), due_at = now() + p_lease,
            gave_up_reason = NULL
        FROM dead
        WHERE d.tenant_id = dead.tenant_id AND d.event_id = dead.event_id
        RETURNING d.tenant_id, d.event_id;
        GET DIAGNOSTICS v_moved = ROW_COUNT;
        v_left := v_left - v_moved;

        -- What somebody else holds a lock on was skipped, and is left.
        IF EXISTS (
            SELECT FROM tillgate.delivery AS d
            WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
                AND d.since < v_redrive.started_at
                AND (v_redrive.tenant_id IS NULL OR d.tenant_id = v_redrive.tenant_id)
                AND (v_redrive.reason IS NULL OR d.gave_up_reason = v_redrive.reason)
        ) THEN
            UPDATE tillgate.redrive AS r
            SET moved = r.moved + v_moved, stepped_at = clock_timestamp()
            WHERE r.redrive_id = v_redrive.redrive_id;
        ELSE
            UPDATE tillgate.redrive AS r
            SET moved = r.moved + v_moved, stepped_at = clock_timestamp(),
                state = 'done', ended_at = clock_timestamp()
            WHERE r.redrive_id = v_redrive.redrive_id;
        END IF;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.redrive_step(integer, interval) TO tillgate_sweep;

-- How many dead letters a redrive has not moved yet, or, if it was cancelled, never will.
CREATE FUNCTION tillgate.redrive_left(p_redrive_id uuid) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_redrive tillgate.redrive;
BEGIN
    SELECT r.* INTO v_redrive FROM tillgate.redrive AS r WHERE r.redrive_id = p_redrive_id;
    RETURN (
        SELECT count(*)
        FROM tillgate.delivery AS d
        WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
            AND d.since < v_redrive.started_at
            AND (v_redrive.tenant_id IS NULL OR d.tenant_id = v_redrive.tenant_id)
            AND (v_redrive.reason IS NULL OR d.gave_up_reason = v_redrive.reason)
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.redrive_left(uuid) TO tillgate_admin;
