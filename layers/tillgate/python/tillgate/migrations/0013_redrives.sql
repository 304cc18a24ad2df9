-- Redrives that go on from where they are, and are counted to a bound.
SET LOCAL ROLE tillgate_owner;

-- The first dead letter that is still to be moved; NULL before the first step. What is given up
-- again stands before it, and is not looked at any more. A redrive that runs while this is
-- deployed begins at the front once more, and meets what it would have met.
ALTER TABLE tillgate.redrive ADD COLUMN next_event_id uuid;

-- As before, and each step begins where the one before it ended.
-- Moves a second's worth of each running redrive's dead letters back into delivery, at most
-- p_limit in all and the oldest events first; they are due after p_lease. Whoever calls it
-- commits once they are on the queue. Each redrive has one step a second, whoever takes it,
-- and ends when none is left. What was cancelled has no further step; one that is under way
-- ends as it is.
CREATE OR REPLACE FUNCTION tillgate.redrive_step(p_limit integer, p_lease interval)
RETURNS TABLE (tenant_id uuid, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    v_redrive tillgate.redrive;
    v_left bigint := p_limit;
    v_moved bigint;
    -- The range is one of partitions, too.
    v_from uuid;
    v_next uuid;
BEGIN
    WHILE v_left > 0 LOOP
        -- A little less than a second, which is what two looks at the clock may differ by.
        SELECT r.* INTO v_redrive
        FROM tillgate.redrive AS r
        WHERE r.state = 'running'
            AND coalesce(r.stepped_at <= now() - interval '950 ms', true)
            AND NOT EXISTS (
                SELECT FROM tillgate.redrive_cancelled AS c WHERE c.redrive_id = r.redrive_id
            )
        ORDER BY r.stepped_at NULLS FIRST, r.started_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;
        v_from := coalesce(v_redrive.next_event_id, '00000000-0000-0000-0000-000000000000');

        RETURN QUERY
        WITH dead AS MATERIALIZED (
            SELECT d.tenant_id, d.event_id
            FROM tillgate.delivery AS d
            WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
                AND d.event_id >= v_from AND d.since < v_redrive.started_at
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
            AND d.event_id >= v_from
        RETURNING d.tenant_id, d.event_id;
        GET DIAGNOSTICS v_moved = ROW_COUNT;
        v_left := v_left - v_moved;

        -- What somebody else holds a lock on was skipped, and is left: the next step begins at it.
        SELECT d.event_id INTO v_next
        FROM tillgate.delivery AS d
        WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
            AND d.event_id >= v_from AND d.since < v_redrive.started_at
            AND (v_redrive.tenant_id IS NULL OR d.tenant_id = v_redrive.tenant_id)
            AND (v_redrive.reason IS NULL OR d.gave_up_reason = v_redrive.reason)
        ORDER BY d.event_id
        LIMIT 1;
        UPDATE tillgate.redrive AS r
        SET moved = r.moved + v_moved, stepped_at = clock_timestamp(),
            next_event_id = coalesce(v_next, r.next_event_id),
            state = CASE WHEN v_next IS NULL THEN 'done' ELSE r.state END,
            ended_at = CASE WHEN v_next IS NULL THEN clock_timestamp() END
        WHERE r.redrive_id = v_redrive.redrive_id;
    END LOOP;
END
$$;

-- How many dead letters a redrive has not moved yet, or, if it was cancelled, never will; counted
-- to p_at_most.
CREATE FUNCTION tillgate.redrive_left(p_redrive_id uuid, p_at_most integer) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    v_redrive tillgate.redrive;
    v_from uuid;
BEGIN
    SELECT r.* INTO v_redrive FROM tillgate.redrive AS r WHERE r.redrive_id = p_redrive_id;
    IF v_redrive.state = 'done' THEN
        RETURN 0;
    END IF;
    v_from := coalesce(v_redrive.next_event_id, '00000000-0000-0000-0000-000000000000');
    RETURN (
        SELECT count(*)
        FROM (
            SELECT FROM tillgate.delivery AS d
            WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
                AND d.event_id >= v_from AND d.since < v_redrive.started_at
                AND (v_redrive.tenant_id IS NULL OR d.tenant_id = v_redrive.tenant_id)
                AND (v_redrive.reason IS NULL OR d.gave_up_reason = v_redrive.reason)
            LIMIT p_at_most
        ) AS counted
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.redrive_left(uuid, integer) TO tillgate_admin;
