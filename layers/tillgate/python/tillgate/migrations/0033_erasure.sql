-- What is left of a tenant that is erased, and what is kept of it from then on: nothing.
SET LOCAL ROLE tillgate_owner;

-- In the order in which accept and look-ups lock them, and before anything else is held.
LOCK TABLE ONLY tillgate.event, ONLY tillgate.delivery IN ACCESS EXCLUSIVE MODE;
LOCK TABLE tillgate.destination, tillgate.source, tillgate.api_token, tillgate.tenant
IN ACCESS EXCLUSIVE MODE;

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

ALTER TABLE tillgate.erasure ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.erasure FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.erased_source ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.erased_source FORCE ROW LEVEL SECURITY;
-- It stays asked.
CREATE POLICY owner_reads ON tillgate.erasure FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_asks ON tillgate.erasure FOR INSERT TO tillgate_owner WITH CHECK (true);
CREATE POLICY owner_counts ON tillgate.erasure FOR UPDATE TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_reads ON tillgate.erased_source FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_notes ON tillgate.erased_source FOR INSERT TO tillgate_owner
WITH CHECK (true);
GRANT SELECT ON tillgate.erasure TO tillgate_admin;
CREATE POLICY admin_reads ON tillgate.erasure FOR SELECT TO tillgate_admin USING (true);

-- What may be deleted at whatever age the tables themselves say: an erased tenant's, nobody else's.
CREATE POLICY owner_clears_erased ON tillgate.event FOR DELETE TO tillgate_owner
USING (tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e));
CREATE POLICY owner_clears_erased ON tillgate.delivery FOR DELETE TO tillgate_owner
USING (tenant_id IN (SELECT e.tenant_id FROM tillgate.erasure AS e));
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
    DELETE FROM tillgate.token_activity AS a WHERE a.tenant_id = p_tenant_id;
    DELETE FROM tillgate.tenant_rate AS r WHERE r.tenant_id = p_tenant_id;
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

-- The undelivered events that are past their tenants' retention, and only held: how many, counted
-- to p_at_most, and the day on which the first of them go: {"events": n, "first_go_on": date|null}.
CREATE FUNCTION tillgate.held_events(p_default_days integer, p_at_most integer) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET enable_seqscan = off SET jit = off
AS $$
DECLARE
    v_today date := (now() AT TIME ZONE 'UTC')::date;
    v_below uuid;
BEGIN
    SELECT tillgate.first_event_id(
        (v_today - least(p_default_days, min(r.days)))::timestamp AT TIME ZONE 'UTC'
    ) INTO v_below
    FROM tillgate.tenant_retention AS r;
    RETURN (
        WITH undelivered AS (
            SELECT d.tenant_id, d.event_id FROM tillgate.delivery AS d
            WHERE d.event_id < v_below AND d.state = 'pending'
            UNION ALL
            SELECT d.tenant_id, d.event_id FROM tillgate.delivery AS d
            WHERE d.event_id < v_below AND d.state = 'gave_up' AND d.discarded_at IS NULL
        ), held AS (
            SELECT k.day + k.days + 31 AS goes_on
            FROM undelivered AS u
            LEFT JOIN tillgate.tenant_retention AS r ON r.tenant_id = u.tenant_id
            CROSS JOIN LATERAL (
                SELECT (to_timestamp(
                    ('x' || substr(replace(u.event_id::text, '-', ''), 1, 12))::bit(48)::bigint
                    / 1000.0
                ) AT TIME ZONE 'UTC')::date AS day, coalesce(r.days, p_default_days) AS days
            ) AS k
            WHERE k.day + k.days < v_today
            LIMIT p_at_most
        )
        SELECT json_build_object('events', count(*), 'first_go_on', min(h.goes_on)) FROM held AS h
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.held_events(integer, integer) TO tillgate_admin;
