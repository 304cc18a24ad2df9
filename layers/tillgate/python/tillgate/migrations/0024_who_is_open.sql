-- The watcher sees more: who is open, how many are quiet, and the age of every kind of secret.
SET LOCAL ROLE tillgate_owner;

-- Look-ups only read these tables, and an index lets them; each has a row or two for a tenant.
CREATE INDEX source_credential_set_at ON tillgate.source (credential_set_at)
WHERE sealed_credential IS NOT NULL;
CREATE INDEX destination_set_at ON tillgate.destination (set_at);

-- When tenants are open that are active and can send, by a source or by a token; those of the same
-- hours in one place: [{"time_zone", "opening_hours", "tenants": n}], both NULL where none were
-- said.
CREATE FUNCTION tillgate.tenant_hours() RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET jit = off
AS $$
BEGIN
    RETURN (
        SELECT coalesce(json_agg(json_build_object(
            'time_zone', h.time_zone, 'opening_hours', h.opening_hours, 'tenants', h.tenants
        )), '[]')
        FROM (
            SELECT t.time_zone, t.opening_hours, count(*) AS tenants
            FROM tillgate.tenant AS t
            WHERE t.state = 'active' AND (
                EXISTS (
                    SELECT FROM tillgate.source AS s
                    WHERE s.tenant_id = t.tenant_id AND NOT s.awaits_secret
                ) OR EXISTS (
                    SELECT FROM tillgate.api_token AS a
                    WHERE a.tenant_id = t.tenant_id AND a.revoked_at IS NULL
                )
            )
            GROUP BY t.time_zone, t.opening_hours
        ) AS h
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.tenant_hours() TO tillgate_watch;

-- As before, and "quiet_sources": n, those that were noted; "secret_age_seconds" is also of
-- destinations' keys and of credentials for vendors' APIs.
CREATE OR REPLACE FUNCTION tillgate.watch_measure(p_at_most integer, p_reasons text[]) RETURNS json
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
            (
                SELECT min(s.credential_set_at) FROM tillgate.source AS s
                WHERE s.sealed_credential IS NOT NULL
            ),
            (SELECT min(d.set_at) FROM tillgate.destination AS d),
            (SELECT min(t.created_at) FROM tillgate.api_token AS t WHERE t.revoked_at IS NULL)
        )),
        'quiet_sources', (SELECT count(*) FROM tillgate.quiet_source),
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
