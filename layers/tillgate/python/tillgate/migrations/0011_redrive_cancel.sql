-- Redrives that are cancelled without waiting for a step, and dead letters counted to a bound.
SET LOCAL ROLE tillgate_owner;

-- What the operator cancelled, whatever redrive.state says. A step holds its redrive's row until
-- what it moved is queued; hence rows of their own, and no foreign key, which would lock that row.
CREATE TABLE tillgate.redrive_cancelled (
    redrive_id uuid PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE tillgate.redrive_cancelled ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.redrive_cancelled FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_reads ON tillgate.redrive_cancelled FOR SELECT TO tillgate_owner USING (true);
GRANT SELECT, INSERT ON tillgate.redrive_cancelled TO tillgate_admin;
CREATE POLICY admin_all ON tillgate.redrive_cancelled TO tillgate_admin
USING (true) WITH CHECK (true);

-- As before, and what was cancelled has no further step. One that is under way ends as it is.
-- Moves a second's worth of each running redrive's dead letters back into delivery, at most
-- p_limit in all and the oldest events first; they are due after p_lease. Whoever calls it
-- commits once they are on the queue. Each redrive has one step a second, whoever takes it,
-- and ends when none is left.
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

-- How many dead letters there are, counted to p_at_most.
CREATE FUNCTION tillgate.dead_letter_count(p_at_most integer) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    RETURN (
        SELECT count(*)
        FROM (
            SELECT FROM tillgate.delivery AS d
            WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
            LIMIT p_at_most
        ) AS counted
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.dead_letter_count(integer) TO tillgate_admin;
