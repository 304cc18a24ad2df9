-- Claims that stay cheap however many days there are.
SET LOCAL ROLE tillgate_owner;

-- As before, and planned once for a connection: every day's partition is asked by its index of what
-- is due, which takes some microseconds, where planning for it took a fraction of a millisecond.
-- Without sorts and sequential scans there is one way to do so, whoever guesses at p_limit.
-- Takes up to p_limit deliveries that are due, the longest due first, and lets them be due
-- again after p_lease. Whoever calls it commits once they are on the queue.
CREATE OR REPLACE FUNCTION tillgate.claim_deliveries(p_limit integer, p_lease interval)
RETURNS TABLE (tenant_id uuid, event_id uuid)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    v_rows tid[];
    v_least uuid;
    v_greatest uuid;
BEGIN
    FOR v_rows, v_least, v_greatest IN
        WITH due AS MATERIALIZED (
            SELECT d.tableoid AS day, d.ctid AS place, d.event_id
            FROM tillgate.delivery AS d
            WHERE d.state = 'pending' AND d.due_at <= now()
            ORDER BY d.due_at
            LIMIT p_limit
            FOR UPDATE SKIP LOCKED
        )
        SELECT array_agg(o.place), (array_agg(o.event_id ORDER BY o.event_id))[1],
            (array_agg(o.event_id ORDER BY o.event_id DESC))[1]
        FROM due AS o
        GROUP BY o.day
    LOOP
        -- Executed, so planned with the ids known: for the one partition that holds them, which is
        -- what makes a row's place name the row. It is locked, so it stays there.
        RETURN QUERY EXECUTE $update$
            UPDATE tillgate.delivery AS d
            SET due_at = now() + $1
            WHERE d.ctid = ANY ($2) AND d.event_id BETWEEN $3 AND $4
            RETURNING d.tenant_id, d.event_id
        $update$
        USING p_lease, v_rows, v_least, v_greatest;
    END LOOP;
END
$$;
