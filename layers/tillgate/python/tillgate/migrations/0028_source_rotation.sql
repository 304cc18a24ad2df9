-- Rotation with an overlap: the previous secret of an endpoint, and a token that was replaced, are
-- good until a stated time.
SET LOCAL ROLE tillgate_owner;

-- Before anything else is held, and in the order in which look-ups lock them: else they and this
-- deadlock.
LOCK TABLE tillgate.api_token, tillgate.source, tillgate.app IN ACCESS EXCLUSIVE MODE;

-- Of a rotation that is under way: the secret that was current before it, sealed as that was;
-- since when it is the previous one; until when the operator wants it; until when it is good,
-- which is longer where the vendor goes on signing with it; and when it was last signed with.
-- previous_ended_at: when the last previous secret that is gone was no longer good.
ALTER TABLE tillgate.app
ADD COLUMN previous_sealed_secret bytea,
ADD COLUMN previous_since timestamptz,
ADD COLUMN previous_overlap_until timestamptz,
ADD COLUMN previous_until timestamptz,
ADD COLUMN previous_matched_at timestamptz,
ADD COLUMN previous_ended_at timestamptz,
ADD CHECK (
    num_nonnulls(previous_sealed_secret, previous_since, previous_overlap_until, previous_until)
    IN (0, 4)
),
ADD CHECK (previous_sealed_secret IS NOT NULL OR previous_matched_at IS NULL);
ALTER TABLE tillgate.source
ADD COLUMN previous_sealed_secret bytea,
ADD COLUMN previous_since timestamptz,
ADD COLUMN previous_overlap_until timestamptz,
ADD COLUMN previous_until timestamptz,
ADD COLUMN previous_matched_at timestamptz,
ADD COLUMN previous_ended_at timestamptz,
ADD CHECK (
    num_nonnulls(previous_sealed_secret, previous_since, previous_overlap_until, previous_until)
    IN (0, 4)
),
ADD CHECK (previous_sealed_secret IS NOT NULL OR previous_matched_at IS NULL),
-- The secrets of a bound source are its app's.
ADD CHECK (app_id IS NULL OR previous_sealed_secret IS NULL);

-- Few are: sweep asks each minute whose time is over.
CREATE INDEX app_previous_until ON tillgate.app (previous_until)
WHERE previous_sealed_secret IS NOT NULL;
CREATE INDEX source_previous_until ON tillgate.source (previous_until)
WHERE previous_sealed_secret IS NOT NULL;

GRANT UPDATE (
    previous_sealed_secret, previous_since, previous_overlap_until, previous_until,
    previous_matched_at, previous_ended_at
) ON tillgate.app, tillgate.source TO tillgate_admin;
CREATE POLICY owner_ends_overlaps ON tillgate.app FOR UPDATE TO tillgate_owner
USING (previous_sealed_secret IS NOT NULL) WITH CHECK (true);
CREATE POLICY owner_ends_overlaps ON tillgate.source FOR UPDATE TO tillgate_owner
USING (previous_sealed_secret IS NOT NULL) WITH CHECK (true);

-- Which token it took the place of: at most one takes one's. From a rotation on, revoked_at may
-- lie ahead.
ALTER TABLE tillgate.api_token ADD COLUMN replaces uuid;
CREATE UNIQUE INDEX api_token_replaces ON tillgate.api_token (replaces)
WHERE replaces IS NOT NULL;

-- When a token was last let in. A table of its own, so that look-ups of tokens pay nothing.
CREATE TABLE tillgate.token_activity (
    token_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    last_used_at timestamptz NOT NULL
) WITH (fillfactor = 80);
ALTER TABLE tillgate.token_activity ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.token_activity FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.token_activity TO tillgate_owner
USING (true) WITH CHECK (true);
GRANT SELECT ON tillgate.token_activity TO tillgate_admin;
CREATE POLICY admin_reads ON tillgate.token_activity FOR SELECT TO tillgate_admin USING (true);

-- The tenant of a token that is good now; revoked_at, where it is known already, lies ahead.
CREATE FUNCTION tillgate.look_up_token(p_digest bytea)
RETURNS TABLE (tenant_id uuid, slug text, state text, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tenant_id, t.slug, t.state, a.revoked_at
    FROM tillgate.api_token AS a
    JOIN tillgate.tenant AS t ON t.tenant_id = a.tenant_id
    WHERE a.digest = p_digest AND (a.revoked_at IS NULL OR a.revoked_at > now());
END;
GRANT EXECUTE ON FUNCTION tillgate.look_up_token(bytea) TO tillgate_ingest, tillgate_api;

-- For the version before this one, which remembers a token without its end.
CREATE OR REPLACE FUNCTION tillgate.find_token(p_digest bytea)
RETURNS TABLE (tenant_id uuid, slug text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tenant_id, t.slug, t.state
    FROM tillgate.api_token AS a
    JOIN tillgate.tenant AS t ON t.tenant_id = a.tenant_id
    WHERE a.digest = p_digest AND (a.revoked_at IS NULL OR a.revoked_at > now());
END;

-- What look_up_endpoint gives, which is for the version before this one, and the previous secret
-- with its time. settled_at: since when no secret but these has been good.
CREATE FUNCTION tillgate.endpoint_standing(p_provider text, p_endpoint_id uuid)
RETURNS TABLE (
    notification_url text, sealed_secret bytea, previous_sealed_secret bytea,
    previous_until timestamptz, settled_at timestamptz, merchant_id text,
    tenant_id uuid, slug text, state text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.notification_url, s.sealed_secret, s.previous_sealed_secret, s.previous_until,
        greatest(s.secret_set_at, s.previous_ended_at), s.merchant_id,
        t.tenant_id, t.slug, t.state
    FROM tillgate.source AS s
    JOIN tillgate.tenant AS t ON t.tenant_id = s.tenant_id
    WHERE s.source_id = p_endpoint_id AND s.provider = p_provider AND s.app_id IS NULL
    UNION ALL
    SELECT a.notification_url, a.sealed_secret, a.previous_sealed_secret, a.previous_until,
        greatest(a.secret_set_at, a.previous_ended_at), NULL, NULL, NULL, NULL
    FROM tillgate.app AS a
    WHERE a.app_id = p_endpoint_id AND a.provider = p_provider;
END;
GRANT EXECUTE ON FUNCTION tillgate.endpoint_standing(text, uuid)
TO tillgate_ingest, tillgate_accept, tillgate_admin;

-- As before, with the previous secrets that are good and until when (epoch), and with the tokens
-- that end at a known time. Both stand apart: the version before this one, which knows of no end,
-- then takes neither for longer than it is good.
CREATE OR REPLACE FUNCTION tillgate.registry_snapshot() RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT json_build_object(
        'tenants', coalesce((
            SELECT json_agg(json_build_object(
                'tenant_id', t.tenant_id, 'slug', t.slug, 'state', t.state
            ) ORDER BY t.tenant_id)
            FROM tillgate.tenant AS t
        ), '[]'),
        'tokens', coalesce((
            SELECT json_agg(json_build_object(
                'digest', encode(a.digest, 'hex'), 'tenant_id', a.tenant_id
            ) ORDER BY a.token_id)
            FROM tillgate.api_token AS a
            WHERE a.revoked_at IS NULL
        ), '[]'),
        'apps', coalesce((
            SELECT json_agg(json_build_object(
                'app_id', p.app_id, 'provider', p.provider,
                'notification_url', p.notification_url,
                'sealed_secret', encode(p.sealed_secret, 'hex')
            ) ORDER BY p.app_id)
            FROM tillgate.app AS p
        ), '[]'),
        'sources', coalesce((
            SELECT json_agg(json_build_object(
                'source_id', s.source_id, 'tenant_id', s.tenant_id, 'provider', s.provider,
                'app_id', s.app_id, 'merchant_id', s.merchant_id,
                'notification_url', s.notification_url,
                'sealed_secret', encode(s.sealed_secret, 'hex')
            ) ORDER BY s.source_id)
            FROM tillgate.source AS s
        ), '[]'),
        'ending_tokens', coalesce((
            SELECT json_agg(json_build_object(
                'digest', encode(a.digest, 'hex'), 'tenant_id', a.tenant_id,
                'revoked_at', extract(EPOCH FROM a.revoked_at)
            ) ORDER BY a.token_id)
            FROM tillgate.api_token AS a
            WHERE a.revoked_at > now()
        ), '[]'),
        'previous_secrets', coalesce((
            SELECT json_agg(json_build_object(
                'endpoint_id', e.endpoint_id, 'sealed_secret', encode(e.sealed, 'hex'),
                'until', extract(EPOCH FROM e.until)
            ) ORDER BY e.endpoint_id)
            FROM (
                SELECT p.app_id AS endpoint_id, p.previous_sealed_secret AS sealed,
                    p.previous_until AS until
                FROM tillgate.app AS p
                WHERE p.previous_sealed_secret IS NOT NULL AND p.previous_until > now()
                UNION ALL
                SELECT s.source_id, s.previous_sealed_secret, s.previous_until
                FROM tillgate.source AS s
                WHERE s.previous_sealed_secret IS NOT NULL AND s.previous_until > now()
            ) AS e
        ), '[]')
    )::text;
END;

-- Notes that an endpoint's previous secret was signed with at p_at: it is kept until it has been
-- silent for a day, and for thirty days at most. One of before a rotation says nothing of it.
CREATE FUNCTION tillgate.previous_matched(p_endpoint_id uuid, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE tillgate.source AS s
    SET previous_matched_at = greatest(s.previous_matched_at, p_at),
        previous_until = greatest(
            s.previous_until,
            least(p_at + interval '24 hours', s.previous_since + interval '720 hours')
        )
    WHERE s.source_id = p_endpoint_id AND s.previous_since <= p_at;
    UPDATE tillgate.app AS p
    SET previous_matched_at = greatest(p.previous_matched_at, p_at),
        previous_until = greatest(
            p.previous_until,
            least(p_at + interval '24 hours', p.previous_since + interval '720 hours')
        )
    WHERE p.app_id = p_endpoint_id AND p.previous_since <= p_at;
    RETURN true;
END
$$;

-- Lets go of up to p_limit previous secrets of each kind whose time is over. Five minutes later:
-- a delivery of the last one is folded by then, which may give it more time. Gives how many.
CREATE FUNCTION tillgate.retire_previous_secrets(p_limit bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_over timestamptz := now() - interval '5 minutes';
    v_sources bigint;
    v_apps bigint;
BEGIN
    UPDATE tillgate.source AS s
    SET previous_sealed_secret = NULL, previous_since = NULL, previous_overlap_until = NULL,
        previous_until = NULL, previous_matched_at = NULL, previous_ended_at = s.previous_until
    FROM (
        SELECT o.source_id
        FROM tillgate.source AS o
        WHERE o.previous_sealed_secret IS NOT NULL AND o.previous_until <= v_over
        ORDER BY o.previous_until
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ) AS over
    WHERE s.source_id = over.source_id AND s.previous_until <= v_over;
    GET DIAGNOSTICS v_sources = ROW_COUNT;
    UPDATE tillgate.app AS p
    SET previous_sealed_secret = NULL, previous_since = NULL, previous_overlap_until = NULL,
        previous_until = NULL, previous_matched_at = NULL, previous_ended_at = p.previous_until
    FROM (
        SELECT o.app_id
        FROM tillgate.app AS o
        WHERE o.previous_sealed_secret IS NOT NULL AND o.previous_until <= v_over
        ORDER BY o.previous_until
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ) AS over
    WHERE p.app_id = over.app_id AND p.previous_until <= v_over;
    GET DIAGNOSTICS v_apps = ROW_COUNT;
    RETURN v_sources + v_apps;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.retire_previous_secrets(bigint) TO tillgate_sweep;

-- As before, and notes when tokens were used and previous secrets signed with: "tokens" has a
-- token's digest in hex, "previous" an endpoint's id, both the time in milliseconds since 1970.
CREATE OR REPLACE FUNCTION tillgate.metrics_fold_whole(p_age interval, p_limit integer) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_folded bigint;
    v_dropped bigint;
BEGIN
    WITH old AS MATERIALIZED (
        SELECT i.sandbox_id, i.seq, i.at, i.deltas, i.activity
        FROM tillgate.metric_increment AS i
        WHERE i.deltas IS NOT NULL AND i.at <= clock_timestamp() - p_age
        ORDER BY i.at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ), folded AS (
        UPDATE tillgate.metric_increment AS i
        SET deltas = NULL, activity = NULL
        FROM old AS o
        WHERE i.sandbox_id = o.sandbox_id AND i.seq = o.seq
    ), added AS (
        INSERT INTO tillgate.metric_total AS t (series, total)
        SELECT d.key, sum(d.value::numeric)
        FROM old AS o, jsonb_each_text(o.deltas) AS d
        GROUP BY d.key
        -- Two folds at once wait for each other instead of deadlocking; below as well.
        ORDER BY d.key
        ON CONFLICT (series) DO UPDATE SET total = t.total + excluded.total
    ), heard AS (
        -- By the flush's time where a sandbox's clock is ahead. A source that is gone is left out.
        INSERT INTO tillgate.source_activity AS a (source_id, tenant_id, last_event_at)
        SELECT s.source_id, s.tenant_id,
            max(least(to_timestamp(d.value::double precision / 1000), o.at))
        FROM old AS o, jsonb_each_text(o.activity -> 'sources') AS d
        JOIN tillgate.source AS s
            ON s.source_id = CASE WHEN pg_input_is_valid(d.key, 'uuid') THEN d.key::uuid END
        GROUP BY s.source_id, s.tenant_id
        ORDER BY s.source_id
        ON CONFLICT (source_id) DO UPDATE
        SET last_event_at = greatest(a.last_event_at, excluded.last_event_at)
    ), used AS (
        INSERT INTO tillgate.token_activity AS a (token_id, tenant_id, last_used_at)
        SELECT t.token_id, t.tenant_id,
            max(least(to_timestamp(d.value::double precision / 1000), o.at))
        FROM old AS o, jsonb_each_text(o.activity -> 'tokens') AS d
        JOIN tillgate.api_token AS t
            ON t.digest = CASE WHEN d.key ~ '^[0-9a-f]{64}$' THEN decode(d.key, 'hex') END
        GROUP BY t.token_id, t.tenant_id
        ORDER BY t.token_id
        ON CONFLICT (token_id) DO UPDATE
        SET last_used_at = greatest(a.last_used_at, excluded.last_used_at)
    ), matched AS MATERIALIZED (
        SELECT CASE
            WHEN pg_input_is_valid(d.key, 'uuid') THEN tillgate.previous_matched(d.key::uuid, d.at)
        END AS is_id
        FROM (
            SELECT e.key, max(least(to_timestamp(e.value::double precision / 1000), o.at)) AS at
            FROM old AS o, jsonb_each_text(o.activity -> 'previous') AS e
            GROUP BY e.key
            ORDER BY e.key
        ) AS d
    ), said AS MATERIALIZED (
        -- Once, and not for each width: taking JSON apart is most of the work.
        SELECT CASE WHEN pg_input_is_valid(t.key, 'uuid') THEN t.key::uuid END AS tenant_id,
            o.at, d.*
        FROM old AS o, jsonb_each(o.activity -> 'tenants') AS t,
            jsonb_to_record(t.value) AS d (
                requests integer, server_errors integer, client_errors integer, events integer,
                duplicates integer, conflicts integer, rejected integer, quarantined integer,
                handler_us bigint, database_us bigint,
                latency_1 integer, latency_2 integer, latency_3 integer, latency_4 integer,
                latency_5 integer, latency_6 integer, latency_7 integer, latency_8 integer,
                latency_9 integer, latency_10 integer, latency_11 integer, latency_12 integer,
                latency_13 integer, latency_14 integer, latency_15 integer
            )
    ), done AS (
        INSERT INTO tillgate.tenant_activity AS a (
            tenant_id, width, starts_at, requests, server_errors, client_errors, events,
            duplicates, conflicts, rejected, quarantined, handler_us, database_us, latency
        )
        SELECT d.tenant_id, w.width, date_bin(w.length, d.at, timestamptz '2000-01-01 00:00+00'),
            coalesce(sum(d.requests), 0), coalesce(sum(d.server_errors), 0),
            coalesce(sum(d.client_errors), 0), coalesce(sum(d.events), 0),
            coalesce(sum(d.duplicates), 0), coalesce(sum(d.conflicts), 0),
            coalesce(sum(d.rejected), 0), coalesce(sum(d.quarantined), 0),
            coalesce(sum(d.handler_us), 0), coalesce(sum(d.database_us), 0),
            ARRAY[
                coalesce(sum(d.latency_1), 0), coalesce(sum(d.latency_2), 0),
                coalesce(sum(d.latency_3), 0), coalesce(sum(d.latency_4), 0),
                coalesce(sum(d.latency_5), 0), coalesce(sum(d.latency_6), 0),
                coalesce(sum(d.latency_7), 0), coalesce(sum(d.latency_8), 0),
                coalesce(sum(d.latency_9), 0), coalesce(sum(d.latency_10), 0),
                coalesce(sum(d.latency_11), 0), coalesce(sum(d.latency_12), 0),
                coalesce(sum(d.latency_13), 0), coalesce(sum(d.latency_14), 0),
                coalesce(sum(d.latency_15), 0)
            ]
        FROM said AS d,
            (
                VALUES ('five_minutes', interval '5 minutes'), ('hour', interval '1 hour')
            ) AS w (width, length)
        WHERE d.tenant_id IS NOT NULL
        GROUP BY 1, 2, 3
        ORDER BY 1, 2, 3
        ON CONFLICT (tenant_id, width, starts_at) DO UPDATE
        SET requests = a.requests + excluded.requests,
            server_errors = a.server_errors + excluded.server_errors,
            client_errors = a.client_errors + excluded.client_errors,
            events = a.events + excluded.events,
            duplicates = a.duplicates + excluded.duplicates,
            conflicts = a.conflicts + excluded.conflicts,
            rejected = a.rejected + excluded.rejected,
            quarantined = a.quarantined + excluded.quarantined,
            handler_us = a.handler_us + excluded.handler_us,
            database_us = a.database_us + excluded.database_us,
            latency = tillgate.latency_sum(a.latency, excluded.latency)
    )
    SELECT
        (SELECT count(*) FROM old),
        (SELECT count(*) FROM said AS d WHERE d.tenant_id IS NULL) + (
            SELECT count(*)
            FROM old AS o, jsonb_object_keys(o.activity -> 'sources') AS k (key)
            WHERE NOT pg_input_is_valid(k.key, 'uuid')
        )
        + (SELECT count(*) FROM matched AS m WHERE m.is_id IS NULL) + (
            SELECT count(*)
            FROM old AS o, jsonb_object_keys(o.activity -> 'tokens') AS k (key)
            WHERE k.key !~ '^[0-9a-f]{64}$'
        )
    INTO v_folded, v_dropped;

    -- A newer flush says that this one is known to be stored. A sandbox's newest stays as long
    -- as the sandbox itself could, asleep, and much longer.
    DELETE FROM tillgate.metric_increment AS i
    USING (
        SELECT f.sandbox_id, f.seq
        FROM tillgate.metric_increment AS f
        WHERE f.deltas IS NULL AND f.at < clock_timestamp() - interval '1 hour'
            AND (f.at < clock_timestamp() - interval '1 day' OR EXISTS (
                SELECT FROM tillgate.metric_increment AS n
                WHERE n.sandbox_id = f.sandbox_id AND n.seq > f.seq
            ))
        ORDER BY f.at
        LIMIT p_limit
        FOR UPDATE SKIP LOCKED
    ) AS done
    WHERE i.sandbox_id = done.sandbox_id AND i.seq = done.seq;
    RETURN json_build_object('folded', v_folded, 'dropped', v_dropped);
END
$$;
