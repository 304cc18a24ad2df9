-- What nobody counts, measured each minute: the role that measures it, where it keeps what it
-- found, and which sources fell quiet in their tenants' opening hours.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tillgate_watch') THEN
        CREATE ROLE tillgate_watch LOGIN NOINHERIT;
    END IF;
    ALTER ROLE tillgate_watch SET idle_in_transaction_session_timeout = '10s';
    -- Less than others': the next minute asks again.
    ALTER ROLE tillgate_watch SET statement_timeout = '15s';
    ALTER ROLE tillgate_watch SET timezone = 'UTC';
    ALTER ROLE tillgate_watch SET search_path = 'pg_catalog';
END
$$;

SET LOCAL ROLE tillgate_owner;

GRANT USAGE ON SCHEMA tillgate TO tillgate_watch;

-- In the order in which look-ups lock them, and before anything else is held: else they
-- and this deadlock.
LOCK TABLE tillgate.source, tillgate.tenant IN ACCESS EXCLUSIVE MODE;

-- When a tenant's sources are to be heard: an IANA time zone, for each weekday when it is open
-- ({"mon": ["09:00-18:00"]}), and after how many open minutes without an event a source is quiet.
ALTER TABLE tillgate.tenant
ADD COLUMN time_zone text CHECK (length(time_zone) BETWEEN 1 AND 64),
ADD COLUMN opening_hours jsonb CHECK (jsonb_typeof(opening_hours) = 'object'),
ADD COLUMN quiet_after_minutes integer CHECK (quiet_after_minutes BETWEEN 1 AND 10080),
-- No silence from before is counted.
ADD COLUMN heeded_since timestamptz,
ADD CHECK (num_nonnulls(time_zone, opening_hours, quiet_after_minutes) IN (0, 3));
-- A source's own; 0: however long it is silent. NULL: as its tenant has it.
ALTER TABLE tillgate.source
ADD COLUMN quiet_after_minutes integer CHECK (quiet_after_minutes BETWEEN 0 AND 10080);

-- By a trigger, so that a tenant which is resumed begins anew, whichever version resumes it. What
-- stays as it is does not: else a resume that is sent once more ends a silence.
CREATE FUNCTION tillgate.note_heeded() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.heeded_since := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER note_heeded BEFORE UPDATE OF state, time_zone, opening_hours ON tillgate.tenant
FOR EACH ROW WHEN (
    (old.state, old.time_zone, old.opening_hours, old.quiet_after_minutes)
    IS DISTINCT FROM (new.state, new.time_zone, new.opening_hours, new.quiet_after_minutes)
)
EXECUTE FUNCTION tillgate.note_heeded();

GRANT UPDATE (time_zone, opening_hours, quiet_after_minutes) ON tillgate.tenant
TO tillgate_admin;
GRANT UPDATE (quiet_after_minutes) ON tillgate.source TO tillgate_admin;

-- The oldest of each kind, and how many of each reason, without reading them all.
CREATE INDEX source_secret_set_at ON tillgate.source (secret_set_at)
WHERE sealed_secret IS NOT NULL AND NOT awaits_secret;
CREATE INDEX app_secret_set_at ON tillgate.app (secret_set_at) WHERE NOT awaits_secret;
CREATE INDEX api_token_in_use ON tillgate.api_token (created_at) WHERE revoked_at IS NULL;
CREATE INDEX quarantine_reason ON tillgate.quarantine (reason);

-- What was measured last, and when: "family|label" -> value.
CREATE TABLE tillgate.metric_gauge (
    series text PRIMARY KEY CHECK (length(series) BETWEEN 1 AND 200),
    value double precision NOT NULL,
    at timestamptz NOT NULL
);

-- When something was last shown to work. Written by the verification of backups and by the
-- drills, each for itself when it has succeeded; no row: it never has.
CREATE TABLE tillgate.proof (
    kind text PRIMARY KEY
    CHECK (kind IN ('backup_verified', 'drill_rollback', 'drill_restore', 'drill_database_down')),
    at timestamptz NOT NULL,
    detail jsonb
);

-- The sources that are quiet now, so that each is said once.
CREATE TABLE tillgate.quiet_source (
    source_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    -- The first open instant without an event.
    quiet_since timestamptz NOT NULL,
    -- NULL: never heard.
    last_event_at timestamptz,
    noticed_at timestamptz NOT NULL
);

ALTER TABLE tillgate.metric_gauge ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.metric_gauge FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.proof ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.proof FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.quiet_source ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.quiet_source FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.metric_gauge TO tillgate_owner USING (true) WITH CHECK (true);
CREATE POLICY owner_reads ON tillgate.proof FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_all ON tillgate.quiet_source TO tillgate_owner USING (true) WITH CHECK (true);

GRANT SELECT ON tillgate.quiet_source TO tillgate_admin;
CREATE POLICY admin_reads ON tillgate.quiet_source FOR SELECT TO tillgate_admin USING (true);

-- All that one look at the database tells. Nothing here grows with what is kept: counts end at
-- p_at_most, the oldest are the first of an index, and partitions are asked for by name.
-- {"connections": {"<role>": n}, "days_ahead": n (60 at most, -1: none for today),
-- "dead_letters": n, "quarantine": {"<reason>": n} of p_reasons, "oldest_due_seconds": s,
-- "secret_age_seconds": s|null, "proofs": {"<kind>": epoch}, "gauges": {"<series>": [value,
-- seconds since]} as they were last put}.
CREATE FUNCTION tillgate.watch_measure(p_at_most integer, p_reasons text[]) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Whatever the statistics say, an index tells; and nothing here is worth compiling.
SET enable_seqscan = off SET enable_sort = off SET jit = off
AS $$
BEGIN
    RETURN json_build_object(
        'connections', (
            SELECT coalesce(json_object_agg(c.role, c.connections), '{}')
            FROM (
                SELECT substr(r.rolname, length('tillgate_') + 1) AS role,
                    count(*) AS connections
                FROM pg_stat_activity AS a
                JOIN pg_roles AS r ON r.oid = a.usesysid
                WHERE a.datname = current_database() AND r.rolname LIKE 'tillgate\_%'
                GROUP BY r.rolname
            ) AS c
        ),
        'days_ahead', (
            SELECT coalesce(min(d.n) - 1, 60)
            FROM generate_series(0, 60) AS d (n),
                to_char((now() AT TIME ZONE 'UTC')::date + d.n, 'YYYYMMDD') AS day
            WHERE to_regclass('tillgate.event_' || day) IS NULL
                OR to_regclass('tillgate.delivery_' || day) IS NULL
                OR to_regclass('tillgate.attempt_' || day) IS NULL
        ),
        'dead_letters', (
            SELECT count(*)
            FROM (
                SELECT FROM tillgate.delivery AS d
                WHERE d.state = 'gave_up' AND d.discarded_at IS NULL
                LIMIT p_at_most
            ) AS counted
        ),
        'quarantine', (
            SELECT coalesce(json_object_agg(r.reason, counted.kept), '{}')
            FROM unnest(p_reasons) AS r (reason),
                LATERAL (
                    SELECT count(*) AS kept
                    FROM (
                        SELECT FROM tillgate.quarantine AS q
                        WHERE q.reason = r.reason
                        LIMIT p_at_most
                    ) AS found
                ) AS counted
        ),
        'oldest_due_seconds', coalesce((
            SELECT extract(EPOCH FROM now() - d.due_at)
            FROM tillgate.delivery AS d
            WHERE d.state = 'pending' AND d.due_at <= now()
            ORDER BY d.due_at
            LIMIT 1
        ), 0),
        'secret_age_seconds', extract(EPOCH FROM now() - least(
            (
                SELECT min(s.secret_set_at) FROM tillgate.source AS s
                WHERE s.sealed_secret IS NOT NULL AND NOT s.awaits_secret
            ),
            (SELECT min(p.secret_set_at) FROM tillgate.app AS p WHERE NOT p.awaits_secret),
            (SELECT min(t.created_at) FROM tillgate.api_token AS t WHERE t.revoked_at IS NULL)
        )),
        'proofs', (
            SELECT coalesce(json_object_agg(p.kind, extract(EPOCH FROM p.at)), '{}')
            FROM tillgate.proof AS p
        ),
        'gauges', (
            SELECT coalesce(json_object_agg(
                g.series, json_build_array(g.value, extract(EPOCH FROM now() - g.at))
            ), '{}')
            FROM tillgate.metric_gauge AS g
        )
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.watch_measure(integer, text[]) TO tillgate_watch;

-- Puts what was measured in the place of what was: {"<series>": <value>}. What is not named
-- stays, and grows old. Gives how many.
CREATE FUNCTION tillgate.gauges_put(p_gauges jsonb) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_count bigint;
BEGIN
    INSERT INTO tillgate.metric_gauge AS g (series, value, at)
    SELECT e.key, e.value::double precision, now()
    FROM jsonb_each_text(p_gauges) AS e
    -- Two at once wait for each other instead of deadlocking.
    ORDER BY e.key
    ON CONFLICT (series) DO UPDATE SET value = excluded.value, at = excluded.at;
    GET DIAGNOSTICS v_count = ROW_COUNT;
    RETURN v_count;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.gauges_put(jsonb) TO tillgate_watch;

-- What was measured within p_fresh, and when anything was last (epoch; NULL: never):
-- {"gauges": {"<series>": <value>}, "at": <epoch>}.
CREATE FUNCTION tillgate.gauges_read(p_fresh interval) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT json_build_object(
            'gauges', coalesce(
                json_object_agg(g.series, g.value)
                FILTER (WHERE g.at > clock_timestamp() - p_fresh), '{}'
            ),
            'at', extract(EPOCH FROM max(g.at))
        )
        FROM tillgate.metric_gauge AS g
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.gauges_read(interval) TO tillgate_health;

-- Of the p_limit sources after p_after: those whose silence is to be judged, which are silent
-- for as long as they may be by the clock at least, and those that are quiet already.
-- {"sources": [{"source_id", "tenant_id", "provider", "time_zone", "opening_hours",
-- "quiet_after_minutes", "heard_at" (epoch), "last_event_at" (epoch|null), "quiet_since"
-- (epoch|null)}], "next": uuid|null}; what is not to be judged has no time_zone.
CREATE FUNCTION tillgate.watched_sources(p_after uuid, p_limit integer) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Sources are read in the order of their index and looked up by their keys, however little is known
-- of how large the tables are: a plan made while one was empty would read all of it for each.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
AS $$
BEGIN
    RETURN (
        WITH page AS MATERIALIZED (
            SELECT s.source_id, s.tenant_id, s.provider, s.created_at, s.quiet_after_minutes
            FROM tillgate.source AS s
            WHERE s.source_id > p_after
            ORDER BY s.source_id
            LIMIT p_limit
        ), known AS (
            SELECT p.source_id, p.tenant_id, p.provider, a.last_event_at, q.quiet_since,
                t.opening_hours, coalesce(p.quiet_after_minutes, t.quiet_after_minutes) AS minutes,
                CASE
                    WHEN t.state = 'active'
                        AND coalesce(p.quiet_after_minutes, t.quiet_after_minutes) > 0
                    THEN t.time_zone
                END AS time_zone,
                -- Of what was never heard: since when there was anything to be heard.
                greatest(p.created_at, t.heeded_since, a.last_event_at) AS heard_at
            FROM page AS p
            JOIN tillgate.tenant AS t ON t.tenant_id = p.tenant_id
            LEFT JOIN tillgate.source_activity AS a ON a.source_id = p.source_id
            LEFT JOIN tillgate.quiet_source AS q ON q.source_id = p.source_id
        )
        SELECT json_build_object(
            'sources', coalesce((
                SELECT json_agg(json_build_object(
                    'source_id', k.source_id, 'tenant_id', k.tenant_id, 'provider', k.provider,
                    'time_zone', k.time_zone, 'opening_hours', k.opening_hours,
                    'quiet_after_minutes', k.minutes,
                    'heard_at', extract(EPOCH FROM k.heard_at),
                    'last_event_at', extract(EPOCH FROM k.last_event_at),
                    'quiet_since', extract(EPOCH FROM k.quiet_since)
                ))
                FROM known AS k
                WHERE k.quiet_since IS NOT NULL OR k.time_zone IS NOT NULL
                    AND k.heard_at <= now() - k.minutes * interval '1 minute'
            ), '[]'),
            'next', (
                SELECT (array_agg(p.source_id ORDER BY p.source_id DESC))[1] FROM page AS p
                HAVING count(*) = p_limit
            )
        )
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.watched_sources(uuid, integer) TO tillgate_watch;

-- Notes who fell quiet ([{"source_id", "tenant_id", "quiet_since", "last_event_at"}], epochs) and
-- who is quiet no more; gives the ids of those of whom neither was noted before:
-- {"quiet": [uuid], "heard": [uuid]}.
CREATE FUNCTION tillgate.note_quiet(p_quiet json, p_heard uuid[]) RETURNS json
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_noted json;
BEGIN
    WITH quiet AS (
        INSERT INTO tillgate.quiet_source (
            source_id, tenant_id, quiet_since, last_event_at, noticed_at
        )
        SELECT q.source_id, q.tenant_id, to_timestamp(q.quiet_since), to_timestamp(q.last_event_at),
            now()
        FROM json_to_recordset(p_quiet) AS q (
            source_id uuid, tenant_id uuid, quiet_since double precision,
            last_event_at double precision
        )
        ORDER BY q.source_id
        ON CONFLICT DO NOTHING
        RETURNING source_id
    ), heard AS (
        DELETE FROM tillgate.quiet_source AS q
        WHERE q.source_id = ANY (p_heard)
        RETURNING q.source_id
    )
    SELECT json_build_object(
        'quiet', coalesce((SELECT json_agg(n.source_id) FROM quiet AS n), '[]'),
        'heard', coalesce((SELECT json_agg(h.source_id) FROM heard AS h), '[]')
    )
    INTO v_noted;
    RETURN v_noted;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.note_quiet(json, uuid[]) TO tillgate_watch;
