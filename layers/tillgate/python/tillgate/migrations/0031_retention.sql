-- How long events and their keys are kept, and what is left of a tenant that is erased.
SET LOCAL ROLE tillgate_owner;

-- In the order in which accept and look-ups lock them, and before anything else is held.
LOCK TABLE ONLY tillgate.ingest_key, ONLY tillgate.event, ONLY tillgate.delivery
IN ACCESS EXCLUSIVE MODE;
LOCK TABLE tillgate.destination, tillgate.source, tillgate.api_token, tillgate.tenant
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

-- Where the walk over all keys is: they have no index by time. NULL between two laps.
CREATE TABLE tillgate.key_walk (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    next_block bigint,
    began_at timestamptz NOT NULL
);

-- The tenants that were erased, or are being erased. Nothing here says who they were.
CREATE TABLE tillgate.erasure (
    tenant_id uuid PRIMARY KEY,
    asked_at timestamptz NOT NULL DEFAULT now(),
    -- When nothing was left, and nothing could come any more that was let in before it was asked.
    done_at timestamptz,
    -- When it is looked at next, for what was under way somewhere; infinity: no more.
    look_at timestamptz NOT NULL DEFAULT now(),
    next_event_id uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
    -- How much was removed.
    events bigint NOT NULL DEFAULT 0,
    deliveries bigint NOT NULL DEFAULT 0,
    attempts bigint NOT NULL DEFAULT 0,
    quarantine bigint NOT NULL DEFAULT 0,
    sources bigint NOT NULL DEFAULT 0,
    tokens bigint NOT NULL DEFAULT 0,
    destinations bigint NOT NULL DEFAULT 0,
    credentials bigint NOT NULL DEFAULT 0
);
CREATE INDEX erasure_look_at ON tillgate.erasure (look_at);

-- By what an erased tenant's deliveries are still known, so that nothing of them is kept: vendors
-- go on sending for as long as nobody tells them. Of the merchant's id only a digest, with the app.
CREATE TABLE tillgate.erased_source (
    source_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    app_id uuid,
    merchant_digest bytea CHECK (length(merchant_digest) = 32),
    CHECK ((app_id IS NULL) = (merchant_digest IS NULL))
);
CREATE INDEX erased_source_tenant_id ON tillgate.erased_source (tenant_id);
CREATE INDEX erased_source_merchant ON tillgate.erased_source (app_id, merchant_digest)
WHERE app_id IS NOT NULL;

ALTER TABLE tillgate.tenant_retention ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.tenant_retention FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.key_walk ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.key_walk FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.erasure FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.erased_source ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.erased_source FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.tenant_retention TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_all ON tillgate.key_walk TO tillgate_owner USING (true) WITH CHECK (true);
-- It stays asked.
CREATE POLICY owner_reads ON tillgate.erasure FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_asks ON tillgate.erasure FOR INSERT TO tillgate_owner WITH CHECK (true);
CREATE POLICY owner_counts ON tillgate.erasure FOR UPDATE TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_reads ON tillgate.erased_source FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_notes ON tillgate.erased_source FOR INSERT TO tillgate_owner
WITH CHECK (true);

GRANT SELECT (tenant_id, days) ON tillgate.tenant_retention TO tillgate_admin;
GRANT INSERT (tenant_id, days) ON tillgate.tenant_retention TO tillgate_admin;
GRANT UPDATE (days) ON tillgate.tenant_retention TO tillgate_admin;
CREATE POLICY admin_all ON tillgate.tenant_retention TO tillgate_admin
USING (true) WITH CHECK (true);
GRANT SELECT ON tillgate.erasure TO tillgate_admin;
CREATE POLICY admin_reads ON tillgate.erasure FOR SELECT TO tillgate_admin USING (true);

-- What may be deleted the tables themselves say, whichever function it is that deletes: what is
-- older than the least retention there can be, and what is an erased tenant's. Named so that they
-- come before those for synthetic events, which look at each event's data.
CREATE POLICY owner_clears ON tillgate.event FOR DELETE TO tillgate_owner
USING (
    event_id < (SELECT tillgate.first_event_id(now() - interval '7 days'))
    OR tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e)
);
CREATE POLICY owner_clears ON tillgate.delivery FOR DELETE TO tillgate_owner
USING (
    event_id < (SELECT tillgate.first_event_id(now() - interval '7 days'))
    OR tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e)
);
CREATE POLICY owner_clears ON tillgate.ingest_key FOR DELETE TO tillgate_owner
USING (stored_at < now() - interval '90 days');
CREATE POLICY owner_erases ON tillgate.source FOR DELETE TO tillgate_owner
USING (tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e));
CREATE POLICY owner_erases ON tillgate.api_token FOR DELETE TO tillgate_owner
USING (tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e));
CREATE POLICY owner_erases ON tillgate.destination FOR DELETE TO tillgate_owner
USING (tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e));
CREATE POLICY owner_erases ON tillgate.tenant FOR UPDATE TO tillgate_owner
USING (tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e))
WITH CHECK (state = 'suspended');
CREATE POLICY owner_forgets ON tillgate.redrive_cancelled FOR DELETE TO tillgate_owner USING (true);

-- What was erased stays as it is: nobody resumes it, or gives it a token again.
CREATE POLICY erased_stays ON tillgate.tenant AS RESTRICTIVE FOR UPDATE TO tillgate_admin
USING (tenant_id NOT IN (SELECT e.tenant_id FROM tillgate.erasure AS e));

CREATE FUNCTION tillgate.refuse_erased() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM tillgate.erasure AS e WHERE e.tenant_id = NEW.tenant_id) THEN
        RAISE foreign_key_violation USING MESSAGE = 'this tenant was erased';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER refuse_erased BEFORE INSERT ON tillgate.source
FOR EACH ROW EXECUTE FUNCTION tillgate.refuse_erased();
CREATE TRIGGER refuse_erased BEFORE INSERT ON tillgate.api_token
FOR EACH ROW EXECUTE FUNCTION tillgate.refuse_erased();
CREATE TRIGGER refuse_erased BEFORE INSERT ON tillgate.destination
FOR EACH ROW EXECUTE FUNCTION tillgate.refuse_erased();

-- Of an erased tenant nothing is set aside, whoever asks for it and for whatever reason.
CREATE FUNCTION tillgate.keep_nothing_erased() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF EXISTS (SELECT FROM tillgate.erasure AS e WHERE e.tenant_id = NEW.tenant_id)
        OR EXISTS (SELECT FROM tillgate.erased_source AS s WHERE s.source_id = NEW.endpoint_id)
    THEN
        RETURN NULL;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_nothing_erased BEFORE INSERT ON tillgate.quarantine
FOR EACH ROW EXECUTE FUNCTION tillgate.keep_nothing_erased();

-- An erased tenant's source: the one with this id, or, with a merchant, the one that was bound to
-- this app for it.
CREATE FUNCTION tillgate.find_erased_source(p_endpoint_id uuid, p_merchant_id text)
RETURNS TABLE (source_id uuid, tenant_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.source_id, s.tenant_id FROM tillgate.erased_source AS s
    WHERE p_merchant_id IS NULL AND s.source_id = p_endpoint_id AND s.app_id IS NULL
    UNION ALL
    SELECT s.source_id, s.tenant_id FROM tillgate.erased_source AS s
    WHERE s.app_id = p_endpoint_id
        AND s.merchant_digest = sha256(convert_to(p_endpoint_id || ':' || p_merchant_id, 'UTF8'))
    LIMIT 1;
END;
GRANT EXECUTE ON FUNCTION tillgate.find_erased_source(uuid, text)
TO tillgate_ingest, tillgate_accept, tillgate_admin;

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

-- Lets go of up to p_limit redrives that ended, or were cancelled, ninety days ago.
CREATE FUNCTION tillgate.redrives_discard_old(p_limit bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_ids uuid[];
BEGIN
    SELECT array_agg(o.redrive_id) INTO v_ids
    FROM (
        SELECT r.redrive_id
        FROM tillgate.redrive AS r
        LEFT JOIN tillgate.redrive_cancelled AS c ON c.redrive_id = r.redrive_id
        WHERE coalesce(c.at, r.ended_at) < now() - interval '90 days'
        LIMIT p_limit
    ) AS o;
    DELETE FROM tillgate.redrive_cancelled AS c WHERE c.redrive_id = ANY (v_ids);
    DELETE FROM tillgate.redrive AS r WHERE r.redrive_id = ANY (v_ids);
    RETURN coalesce(cardinality(v_ids), 0);
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.redrives_discard_old(bigint) TO tillgate_sweep;

-- Erasure of a tenant.

-- Removes who it was and by what it was known, all at once, since that is little, and notes what
-- its deliveries are known by from now on. Idempotent.
CREATE FUNCTION tillgate.erase_registry(p_tenant_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_sources bigint;
    v_credentials bigint;
    v_tokens bigint;
    v_destinations bigint;
BEGIN
    INSERT INTO tillgate.erased_source (source_id, tenant_id, app_id, merchant_digest)
    SELECT s.source_id, s.tenant_id, s.app_id,
        CASE WHEN s.app_id IS NOT NULL
            THEN sha256(convert_to(s.app_id || ':' || s.merchant_id, 'UTF8')) END
    FROM tillgate.source AS s
    WHERE s.tenant_id = p_tenant_id
    ON CONFLICT DO NOTHING;
    WITH gone AS (
        DELETE FROM tillgate.source AS s WHERE s.tenant_id = p_tenant_id
        RETURNING s.sealed_credential IS NOT NULL AS has_credential
    )
    SELECT count(*), count(*) FILTER (WHERE g.has_credential) INTO v_sources, v_credentials
    FROM gone AS g;
    DELETE FROM tillgate.api_token AS t WHERE t.tenant_id = p_tenant_id;
    GET DIAGNOSTICS v_tokens = ROW_COUNT;
    DELETE FROM tillgate.destination AS d WHERE d.tenant_id = p_tenant_id;
    GET DIAGNOSTICS v_destinations = ROW_COUNT;
    DELETE FROM tillgate.destination_breaker AS b WHERE b.tenant_id = p_tenant_id;
    DELETE FROM tillgate.quiet_source AS q WHERE q.tenant_id = p_tenant_id;
    DELETE FROM tillgate.source_activity AS a WHERE a.tenant_id = p_tenant_id;
    DELETE FROM tillgate.redrive_cancelled AS c
    USING tillgate.redrive AS r
    WHERE r.tenant_id = p_tenant_id AND c.redrive_id = r.redrive_id;
    DELETE FROM tillgate.redrive AS r WHERE r.tenant_id = p_tenant_id;
    UPDATE tillgate.tenant AS t
    SET slug = 'erased-' || replace(t.tenant_id::text, '-', ''), name = 'erased',
        time_zone = NULL, opening_hours = NULL, quiet_after_minutes = NULL
    WHERE t.tenant_id = p_tenant_id AND t.name <> 'erased';
    UPDATE tillgate.erasure AS e
    SET sources = e.sources + v_sources, credentials = e.credentials + v_credentials,
        tokens = e.tokens + v_tokens, destinations = e.destinations + v_destinations
    WHERE e.tenant_id = p_tenant_id;
END
$$;

-- Begins to erase a suspended tenant, for good: 'asked', or so already; 'unknown'; 'not-suspended';
-- 'other-slug' when the slug, by which the operator confirms, is not this tenant's.
CREATE FUNCTION tillgate.erase_tenant(p_tenant_id uuid, p_slug text) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_tenant tillgate.tenant;
BEGIN
    SELECT t.* INTO v_tenant FROM tillgate.tenant AS t WHERE t.tenant_id = p_tenant_id FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'unknown';
    END IF;
    IF EXISTS (SELECT FROM tillgate.erasure AS e WHERE e.tenant_id = p_tenant_id) THEN
        RETURN 'asked';
    END IF;
    IF v_tenant.slug <> p_slug THEN
        RETURN 'other-slug';
    END IF;
    IF v_tenant.state <> 'suspended' THEN
        RETURN 'not-suspended';
    END IF;
    INSERT INTO tillgate.erasure (tenant_id) VALUES (p_tenant_id);
    PERFORM tillgate.erase_registry(p_tenant_id);
    RETURN 'asked';
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.erase_tenant(uuid, text) TO tillgate_admin;

-- What erasing a tenant would remove. Of events, deliveries and attempts those of p_limit events
-- with ids above p_after; "next": where to go on, NULL at the end. The rest only where p_after is
-- NULL, which begins: {"next", "events", "deliveries", "attempts", "quarantine", "sources",
-- "tokens", "destinations", "credentials"}.
CREATE FUNCTION tillgate.erase_plan(p_tenant_id uuid, p_after uuid, p_limit integer) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    v_after uuid := coalesce(p_after, '00000000-0000-0000-0000-000000000000');
    v_to uuid;
    v_read bigint;
    v_page json;
BEGIN
    SELECT (array_agg(i.event_id ORDER BY i.event_id DESC))[1], count(*) INTO v_to, v_read
    FROM (
        SELECT e.event_id FROM tillgate.event AS e
        WHERE e.tenant_id = p_tenant_id AND e.event_id > v_after
        ORDER BY e.event_id
        LIMIT p_limit
    ) AS i;
    IF v_read < p_limit THEN
        v_to := 'ffffffff-ffff-ffff-ffff-ffffffffffff';
    END IF;
    SELECT json_build_object(
        'next', CASE WHEN v_read = p_limit THEN v_to END,
        'events', v_read,
        'deliveries', (
            SELECT count(*) FROM tillgate.delivery AS d
            WHERE d.tenant_id = p_tenant_id AND d.event_id > v_after AND d.event_id <= v_to
        ),
        'attempts', (
            SELECT count(*) FROM tillgate.attempt AS a
            WHERE a.tenant_id = p_tenant_id AND a.event_id > v_after AND a.event_id <= v_to
        ),
        'quarantine', CASE WHEN p_after IS NULL THEN (
            SELECT count(*) FROM tillgate.quarantine AS q
            WHERE q.tenant_id = p_tenant_id OR q.endpoint_id = ANY (ARRAY(
                SELECT s.source_id FROM tillgate.source AS s WHERE s.tenant_id = p_tenant_id
                UNION ALL
                SELECT s.source_id FROM tillgate.erased_source AS s WHERE s.tenant_id = p_tenant_id
            ))
        ) ELSE 0 END,
        'sources', CASE WHEN p_after IS NULL THEN (
            SELECT count(*) FROM tillgate.source AS s WHERE s.tenant_id = p_tenant_id
        ) ELSE 0 END,
        'tokens', CASE WHEN p_after IS NULL THEN (
            SELECT count(*) FROM tillgate.api_token AS t WHERE t.tenant_id = p_tenant_id
        ) ELSE 0 END,
        'destinations', CASE WHEN p_after IS NULL THEN (
            SELECT count(*) FROM tillgate.destination AS d WHERE d.tenant_id = p_tenant_id
        ) ELSE 0 END,
        'credentials', CASE WHEN p_after IS NULL THEN (
            SELECT count(*) FROM tillgate.source AS s
            WHERE s.tenant_id = p_tenant_id AND s.sealed_credential IS NOT NULL
        ) ELSE 0 END
    ) INTO v_page;
    RETURN v_page;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.erase_plan(uuid, uuid, integer) TO tillgate_admin;

-- Takes the next step of an erasure: p_limit events at most, or a hundred deliveries in quarantine.
-- {"events": n, "quarantine": n, "is_done": whether there is no more to do now}. What is left to do
-- is what is left in the tables, so whoever was killed at whatever point, the next step goes on.
-- A tenant is done when nothing was left a minute or more after it was asked: sandboxes let in for
-- 30 s what they remember, and a request has 29. After that it is looked at each day for as long as
-- a queue keeps a message, and two days more; then never again.
CREATE FUNCTION tillgate.erase_step(p_limit integer) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_job tillgate.erasure;
    v_quarantine bigint;
    v_cleared record;
    v_since interval;
BEGIN
    SELECT e.* INTO v_job FROM tillgate.erasure AS e
    WHERE e.look_at <= clock_timestamp()
    ORDER BY e.look_at
    LIMIT 1
    FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN json_build_object('events', 0, 'quarantine', 0, 'is_done', true);
    END IF;
    PERFORM tillgate.erase_registry(v_job.tenant_id);
    DELETE FROM tillgate.quarantine AS q WHERE q.quarantine_id IN (
        SELECT o.quarantine_id FROM tillgate.quarantine AS o
        WHERE o.tenant_id = v_job.tenant_id OR o.endpoint_id = ANY (ARRAY(
            SELECT s.source_id FROM tillgate.erased_source AS s WHERE s.tenant_id = v_job.tenant_id
        ))
        LIMIT 100
    );
    GET DIAGNOSTICS v_quarantine = ROW_COUNT;
    IF v_quarantine > 0 THEN
        UPDATE tillgate.erasure AS e SET quarantine = e.quarantine + v_quarantine
        WHERE e.tenant_id = v_job.tenant_id;
        RETURN json_build_object('events', 0, 'quarantine', v_quarantine, 'is_done', false);
    END IF;
    SELECT c.* INTO v_cleared FROM tillgate.clear_events(
        v_job.tenant_id, v_job.next_event_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff', p_limit, false
    ) AS c;
    v_since := clock_timestamp() - v_job.asked_at;
    UPDATE tillgate.erasure AS e
    SET events = e.events + v_cleared.events, deliveries = e.deliveries + v_cleared.deliveries,
        attempts = e.attempts + v_cleared.attempts,
        next_event_id = coalesce(v_cleared.next_from, '00000000-0000-0000-0000-000000000000'),
        done_at = CASE
            WHEN v_cleared.next_from IS NULL AND v_since >= interval '1 minute'
            THEN coalesce(e.done_at, clock_timestamp()) ELSE e.done_at
        END,
        look_at = CASE
            WHEN v_cleared.next_from IS NOT NULL THEN e.look_at
            WHEN v_since < interval '1 minute' THEN e.asked_at + interval '1 minute'
            WHEN v_since < interval '1 hour' THEN e.asked_at + interval '1 hour'
            WHEN v_since < interval '16 days' THEN clock_timestamp() + interval '1 day'
            ELSE 'infinity'
        END
    WHERE e.tenant_id = v_job.tenant_id;
    RETURN json_build_object('events', v_cleared.events, 'quarantine', 0, 'is_done', false);
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.erase_step(integer) TO tillgate_sweep;
