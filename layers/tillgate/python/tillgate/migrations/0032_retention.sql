-- How long events and their keys are kept.
SET LOCAL ROLE tillgate_owner;

-- In the order in which accept and look-ups lock them, and before anything else is held.
LOCK TABLE ONLY tillgate.ingest_key, ONLY tillgate.event, ONLY tillgate.delivery
IN ACCESS EXCLUSIVE MODE;

-- How long a tenant's events are kept, where that is not as the stage has it, and how far those
-- were removed one by one that stand in a partition which somebody else's hold.
CREATE TABLE tillgate.tenant_retention (
    tenant_id uuid PRIMARY KEY REFERENCES tillgate.tenant,
    -- NULL: as the stage has it.
    days integer CHECK (days BETWEEN 7 AND 3660),
    -- Before the first, only undelivered events are left; before the second, none.
    retired_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    cleared_to uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000'
);
-- As on the rest of the registry: what the operator's role changes leaves an entry.
CREATE CONSTRAINT TRIGGER note_unsaid AFTER INSERT OR UPDATE OR DELETE
ON tillgate.tenant_retention DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
WHEN (session_user = 'tillgate_admin') EXECUTE FUNCTION tillgate.note_unsaid('tenant_id');

-- Where the walk over all keys is: they have no index by time. NULL between two laps.
CREATE TABLE tillgate.key_walk (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    next_block bigint,
    began_at timestamptz NOT NULL
);

ALTER TABLE tillgate.tenant_retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.tenant_retention FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.key_walk ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.key_walk FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.tenant_retention TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON tillgate.key_walk TO tillgate_owner USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON tillgate.tenant_retention TO tillgate_admin;
GRANT UPDATE (days) ON tillgate.tenant_retention TO tillgate_admin;
CREATE POLICY admin_all ON tillgate.tenant_retention TO tillgate_admin
USING (true) WITH CHECK (true);

-- What may be deleted the tables themselves say, whichever function it is that deletes: only what is
-- older than the least retention there can be. Named so that they come before those for synthetic
-- events, which look at each event's data.
CREATE POLICY owner_clears ON tillgate.event FOR DELETE TO tillgate_owner
USING (event_id < (SELECT tillgate.first_event_id(now() - interval '7 days')));
CREATE POLICY owner_clears ON tillgate.delivery FOR DELETE TO tillgate_owner
USING (event_id < (SELECT tillgate.first_event_id(now() - interval '7 days')));
CREATE POLICY owner_clears ON tillgate.ingest_key FOR DELETE TO tillgate_owner
USING (stored_at < now() - interval '90 days');

-- Retention. p_default_days is for the tenants that have none of their own. An event is kept for
-- so many whole days after its own, in UTC; if it is undelivered, for thirty more.

-- Whether no tenant's retention holds an event of a day any more.
CREATE FUNCTION tillgate.is_day_over(p_day date, p_default_days integer) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    v_age integer := (now() AT TIME ZONE 'UTC')::date - p_day;
    v_from uuid := tillgate.first_event_id(p_day::timestamp AT TIME ZONE 'UTC');
    v_to uuid := tillgate.first_event_id((p_day + 1)::timestamp AT TIME ZONE 'UTC');
BEGIN
    IF p_default_days NOT BETWEEN 7 AND 3660 THEN
        RAISE EXCEPTION 'no event is kept for % days', p_default_days
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- By the index for each tenant, until one is found: all events of a day are many.
    RETURN v_age > 7 AND NOT EXISTS (
        SELECT FROM tillgate.tenant AS t
        LEFT JOIN tillgate.tenant_retention AS r ON r.tenant_id = t.tenant_id
        CROSS JOIN LATERAL (
            SELECT FROM tillgate.event AS e
            WHERE e.tenant_id = t.tenant_id AND e.event_id >= v_from AND e.event_id < v_to
            LIMIT 1
        ) AS kept
        WHERE coalesce(r.days, p_default_days) >= v_age
    );
END
$$;

-- Whether an undelivered event of a day is held: one that waits, or a dead letter that nobody has
-- decided on.
CREATE FUNCTION tillgate.is_day_held(p_day date, p_default_days integer) RETURNS boolean
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    v_age integer := (now() AT TIME ZONE 'UTC')::date - p_day;
    v_from uuid := tillgate.first_event_id(p_day::timestamp AT TIME ZONE 'UTC');
    v_to uuid := tillgate.first_event_id((p_day + 1)::timestamp AT TIME ZONE 'UTC');
BEGIN
    -- Apart, since each has an index.
    RETURN EXISTS (
        SELECT FROM tillgate.delivery AS d
        LEFT JOIN tillgate.tenant_retention AS r ON r.tenant_id = d.tenant_id
        WHERE d.event_id >= v_from AND d.event_id < v_to AND d.state = 'pending'
            AND coalesce(r.days, p_default_days) + 30 >= v_age
    ) OR EXISTS (
        SELECT FROM tillgate.delivery AS d
        LEFT JOIN tillgate.tenant_retention AS r ON r.tenant_id = d.tenant_id
        WHERE d.event_id >= v_from AND d.event_id < v_to
            AND d.state = 'gave_up' AND d.discarded_at IS NULL
            AND coalesce(r.days, p_default_days) + 30 >= v_age
    );
END
$$;

-- The days that have a partition, whole or in part, the oldest first.
CREATE FUNCTION tillgate.partition_days() RETURNS SETOF date
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT DISTINCT to_date(right(c.relname, 8), 'YYYYMMDD')
    FROM pg_catalog.pg_inherits AS i
    JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent IN (
        'tillgate.event'::regclass, 'tillgate.delivery'::regclass, 'tillgate.attempt'::regclass
    ) AND c.relkind = 'r'
    ORDER BY 1;
END;

-- The days whose partitions may go, the oldest first.
CREATE FUNCTION tillgate.days_over(p_default_days integer) RETURNS SETOF date
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_newest date;
    v_day date;
BEGIN
    SELECT (now() AT TIME ZONE 'UTC')::date - least(p_default_days, min(r.days)) INTO v_newest
    FROM tillgate.tenant_retention AS r;
    FOR v_day IN SELECT d FROM tillgate.partition_days() AS d WHERE d < v_newest LOOP
        IF tillgate.is_day_over(v_day, p_default_days)
            AND NOT tillgate.is_day_held(v_day, p_default_days)
        THEN
            RETURN NEXT v_day;
        END IF;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.days_over(integer) TO tillgate_sweep;

-- Drops one of a day's three partitions: 'dropped'; 'gone', it was before; 'kept', somebody's
-- retention holds it, or another of the three comes first: the delivery, the attempt, the event.
-- Each by itself, so that none of the locks is held while another is waited for; the delivery
-- first, without which nobody finds the event. 'busy': who reads the table, from whatever day,
-- keeps the lock from us, and whoever wants to write meanwhile waits behind us. Hence only a fifth
-- of a second, which leaves an accept most of its own 0.8. DETACH CONCURRENTLY would wait without
-- that, but runs in no function, so only as the owner.
CREATE FUNCTION tillgate.drop_partition(p_parent text, p_day date, p_default_days integer)
RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '200ms'
AS $$
DECLARE
    v_before text[] := CASE p_parent
        WHEN 'delivery' THEN '{}' WHEN 'attempt' THEN '{delivery}'
        WHEN 'event' THEN '{delivery,attempt}'
    END;
    v_suffix text := to_char(p_day, '_YYYYMMDD');
BEGIN
    IF v_before IS NULL THEN
        RAISE EXCEPTION 'no partitions of % are dropped', p_parent
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass(format('tillgate.%I', p_parent || v_suffix)) IS NULL THEN
        RETURN 'gone';
    END IF;
    IF NOT tillgate.is_day_over(p_day, p_default_days) OR EXISTS (
        SELECT FROM unnest(v_before) AS b (parent)
        WHERE to_regclass(format('tillgate.%I', b.parent || v_suffix)) IS NOT NULL
    ) THEN
        RETURN 'kept';
    END IF;
    EXECUTE format('LOCK TABLE ONLY tillgate.%I IN ACCESS EXCLUSIVE MODE', p_parent);
    -- Now that nobody can make one of them pending any more.
    IF tillgate.is_day_held(p_day, p_default_days) THEN
        RETURN 'kept';
    END IF;
    EXECUTE format('DROP TABLE tillgate.%I', p_parent || v_suffix);
    RETURN 'dropped';
EXCEPTION
    WHEN lock_not_available OR deadlock_detected THEN
        RETURN 'busy';
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.drop_partition(text, date, integer) TO tillgate_sweep;

-- Deletes the events of a tenant with ids from p_from on and below p_to, with their deliveries and
-- attempts: p_limit at most, two at least, or fewer where they are large. Undelivered ones stay
-- where p_keep_held says so. next_from: where to go on; NULL: that was all.
-- The first statement is planned once, for whatever partitions there are; the others each time,
-- for the few that hold these ids.
CREATE FUNCTION tillgate.clear_events(
    p_tenant_id uuid, p_from uuid, p_to uuid, p_limit integer, p_keep_held boolean,
    OUT next_from uuid, OUT events bigint, OUT deliveries bigint, OUT attempts bigint
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_bitmapscan = off
SET enable_sort = off SET jit = off
AS $$
DECLARE
    v_ids uuid[];
    v_read integer;
    v_held uuid[] := '{}';
    v_to text := '<';
    v_end uuid := p_to;
BEGIN
    SELECT array_agg(s.event_id) FILTER (WHERE s.n <= 2 OR s.bytes <= 32 * 1024 * 1024), count(*)
    INTO v_ids, v_read
    FROM (
        SELECT c.event_id, row_number() OVER by_id AS n, sum(c.bytes) OVER by_id AS bytes
        FROM (
            SELECT e.event_id, pg_column_size(e.data) AS bytes
            FROM tillgate.event AS e
            WHERE e.tenant_id = p_tenant_id AND e.event_id >= p_from AND e.event_id < p_to
            ORDER BY e.event_id
            LIMIT greatest(p_limit, 2)
        ) AS c
        WINDOW by_id AS (ORDER BY c.event_id)
    ) AS s;
    IF v_read = greatest(p_limit, 2) OR cardinality(v_ids) < v_read THEN
        next_from := v_ids[cardinality(v_ids)];
        v_to := '<=';
        v_end := next_from;
    END IF;
    -- Whoever makes one of them pending meanwhile is waited for, and then it stays.
    IF p_keep_held THEN
        EXECUTE format($sql$
            WITH known AS MATERIALIZED (
                SELECT d.event_id, d.state, d.discarded_at
                FROM tillgate.delivery AS d
                WHERE d.tenant_id = $1 AND d.event_id >= $2 AND d.event_id %s $3
                ORDER BY d.event_id
                FOR UPDATE
            )
            SELECT coalesce(array_agg(k.event_id), '{}') FROM known AS k
            WHERE k.state = 'pending' OR k.state = 'gave_up' AND k.discarded_at IS NULL
        $sql$, v_to) INTO v_held USING p_tenant_id, p_from, v_end;
    END IF;
    EXECUTE format($sql$
        DELETE FROM tillgate.attempt AS a
        WHERE a.tenant_id = $1 AND a.event_id >= $2 AND a.event_id %s $3
            AND a.event_id <> ALL ($4)
    $sql$, v_to) USING p_tenant_id, p_from, v_end, v_held;
    GET DIAGNOSTICS attempts = ROW_COUNT;
    EXECUTE format($sql$
        DELETE FROM tillgate.delivery AS d
        WHERE d.tenant_id = $1 AND d.event_id >= $2 AND d.event_id %s $3
            AND d.event_id <> ALL ($4)
    $sql$, v_to) USING p_tenant_id, p_from, v_end, v_held;
    GET DIAGNOSTICS deliveries = ROW_COUNT;
    EXECUTE format($sql$
        DELETE FROM tillgate.event AS e
        WHERE e.tenant_id = $1 AND e.event_id >= $2 AND e.event_id %s $3
            AND e.event_id <> ALL ($4)
    $sql$, v_to) USING p_tenant_id, p_from, v_end, v_held;
    GET DIAGNOSTICS events = ROW_COUNT;
END
$$;

-- Deletes what is past its tenant's retention, and stands in partitions that somebody else's
-- holds: p_limit events at most, of a hundred tenants at most. {"events": n, "is_done": whether
-- that was all}. Goes on behind where it was: what was deleted is not read again.
CREATE FUNCTION tillgate.retire_events(p_default_days integer, p_limit integer) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_oldest uuid;
    v_today date := (now() AT TIME ZONE 'UTC')::date;
    v_tenants integer := 0;
    v_left integer := p_limit;
    v_events bigint := 0;
    v_row record;
    v_known tillgate.tenant_retention;
    v_cleared record;
BEGIN
    IF p_default_days NOT BETWEEN 7 AND 3660 THEN
        RAISE EXCEPTION 'no event is kept for % days', p_default_days
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    SELECT tillgate.first_event_id(d::timestamp AT TIME ZONE 'UTC') INTO v_oldest
    FROM tillgate.partition_days() AS d LIMIT 1;
    FOR v_row IN
        SELECT t.tenant_id, b.retired_end, b.cleared_end
        FROM tillgate.tenant AS t
        LEFT JOIN tillgate.tenant_retention AS r ON r.tenant_id = t.tenant_id
        CROSS JOIN LATERAL (
            SELECT v_today - coalesce(r.days, p_default_days) AS day
        ) AS k
        CROSS JOIN LATERAL (
            SELECT tillgate.first_event_id(k.day::timestamp AT TIME ZONE 'UTC') AS retired_end,
                tillgate.first_event_id((k.day - 30)::timestamp AT TIME ZONE 'UTC') AS cleared_end
        ) AS b
        WHERE b.retired_end > v_oldest AND b.retired_end > coalesce(r.retired_to, v_oldest)
            OR b.cleared_end > v_oldest AND b.cleared_end > coalesce(r.cleared_to, v_oldest)
        ORDER BY t.tenant_id
    LOOP
        IF v_left < 2 OR v_tenants = 100 THEN
            RETURN json_build_object('events', v_events, 'is_done', false);
        END IF;
        v_tenants := v_tenants + 1;
        INSERT INTO tillgate.tenant_retention (tenant_id) VALUES (v_row.tenant_id)
        ON CONFLICT DO NOTHING;
        -- A second sweep waits here, and then goes on behind the first.
        SELECT r.* INTO v_known
        FROM tillgate.tenant_retention AS r WHERE r.tenant_id = v_row.tenant_id FOR UPDATE;
        IF v_row.cleared_end > v_oldest AND v_row.cleared_end > v_known.cleared_to THEN
            SELECT c.* INTO v_cleared FROM tillgate.clear_events(
                v_row.tenant_id, v_known.cleared_to, v_row.cleared_end, v_left, false
            ) AS c;
            UPDATE tillgate.tenant_retention AS r
            SET cleared_to = coalesce(v_cleared.next_from, v_row.cleared_end)
            WHERE r.tenant_id = v_row.tenant_id;
            v_events := v_events + v_cleared.events;
            v_left := v_left - v_cleared.events;
            IF v_cleared.next_from IS NOT NULL OR v_left < 2 THEN
                RETURN json_build_object('events', v_events, 'is_done', false);
            END IF;
        END IF;
        IF v_row.retired_end > v_oldest AND v_row.retired_end > v_known.retired_to THEN
            SELECT c.* INTO v_cleared FROM tillgate.clear_events(
                v_row.tenant_id, v_known.retired_to, v_row.retired_end, v_left, true
            ) AS c;
            UPDATE tillgate.tenant_retention AS r
            SET retired_to = coalesce(v_cleared.next_from, v_row.retired_end)
            WHERE r.tenant_id = v_row.tenant_id;
            v_events := v_events + v_cleared.events;
            v_left := v_left - v_cleared.events;
            IF v_cleared.next_from IS NOT NULL THEN
                RETURN json_build_object('events', v_events, 'is_done', false);
            END IF;
        END IF;
    END LOOP;
    RETURN json_build_object('events', v_events, 'is_done', true);
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.retire_events(integer, integer) TO tillgate_sweep;

-- Deletes the keys past their time in the next p_blocks blocks of their table: those stored more
-- than ninety days ago, and earlier than any event of their tenant that may still be there.
-- {"keys": n, "is_done": whether there is nothing to walk}. They are walked in the order in which
-- they lie, and not found by an index, which every accept would have to fill. A lap begins a week
-- after the one before at the earliest, so a key stays for a week after its time at the most, and
-- for as long as the lap itself takes.
CREATE FUNCTION tillgate.retire_keys(p_default_days integer, p_blocks integer) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
    v_walk tillgate.key_walk;
    v_blocks bigint := pg_relation_size('tillgate.ingest_key')
        / current_setting('block_size')::integer;
    v_keys bigint;
BEGIN
    IF p_default_days NOT BETWEEN 7 AND 3660 THEN
        RAISE EXCEPTION 'no event is kept for % days', p_default_days
        USING ERRCODE = 'invalid_parameter_value';
    END IF;
    INSERT INTO tillgate.key_walk (next_block, began_at) VALUES (0, now()) ON CONFLICT DO NOTHING;
    SELECT w.* INTO v_walk FROM tillgate.key_walk AS w FOR UPDATE;
    IF v_walk.next_block IS NULL THEN
        IF v_walk.began_at > now() - interval '7 days' THEN
            RETURN json_build_object('keys', 0, 'is_done', true);
        END IF;
        v_walk.next_block := 0;
        v_walk.began_at := now();
    END IF;
    EXECUTE $sql$
        DELETE FROM tillgate.ingest_key AS k
        WHERE k.ctid >= $1 AND k.ctid < $2
            AND k.stored_at < ($3 - 90)::timestamp AT TIME ZONE 'UTC'
            AND k.stored_at < ($3 - 31 - coalesce((
                SELECT r.days FROM tillgate.tenant_retention AS r WHERE r.tenant_id = k.tenant_id
            ), $4))::timestamp AT TIME ZONE 'UTC'
    $sql$ USING format('(%s,0)', v_walk.next_block)::tid,
        format('(%s,0)', v_walk.next_block + p_blocks)::tid, v_today, p_default_days;
    GET DIAGNOSTICS v_keys = ROW_COUNT;
    v_walk.next_block := v_walk.next_block + p_blocks;
    IF v_walk.next_block >= v_blocks THEN
        v_walk.next_block := NULL;
    END IF;
    UPDATE tillgate.key_walk AS w SET next_block = v_walk.next_block, began_at = v_walk.began_at;
    RETURN json_build_object('keys', v_keys, 'is_done', v_walk.next_block IS NULL);
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.retire_keys(integer, integer) TO tillgate_sweep;
