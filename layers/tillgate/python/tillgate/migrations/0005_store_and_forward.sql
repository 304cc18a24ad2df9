-- What was queued while the database was unreachable: the role that stores it, and what it
-- asks before it does. And the registry as a whole, which sweep keeps for such times.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tillgate_accept') THEN
        CREATE ROLE tillgate_accept LOGIN NOINHERIT;
    END IF;
    ALTER ROLE tillgate_accept SET idle_in_transaction_session_timeout = '10s';
    ALTER ROLE tillgate_accept SET statement_timeout = '30s';
    ALTER ROLE tillgate_accept SET timezone = 'UTC';
    ALTER ROLE tillgate_accept SET search_path = 'pg_catalog';
END
$$;

SET LOCAL ROLE tillgate_owner;

GRANT USAGE ON SCHEMA tillgate TO tillgate_accept;
GRANT EXECUTE ON FUNCTION tillgate.accept(uuid, json) TO tillgate_accept;
GRANT EXECUTE ON FUNCTION tillgate.find_bound_source(uuid, text) TO tillgate_accept;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_put(
    uuid, uuid, uuid, text, text, text, timestamptz, timestamptz, bytea, bigint, bigint
) TO tillgate_accept;

-- In the order in which look-ups lock them, and before anything else is held: else they
-- and this deadlock.
LOCK TABLE tillgate.source, tillgate.app IN ACCESS EXCLUSIVE MODE;

-- Since when the current secret is: what was received before was verified by an older one.
ALTER TABLE tillgate.app ADD COLUMN secret_set_at timestamptz NOT NULL DEFAULT now();
ALTER TABLE tillgate.source ADD COLUMN secret_set_at timestamptz NOT NULL DEFAULT now();

-- By a trigger, so that the version before this one, which knows no such column, sets it too.
CREATE FUNCTION tillgate.note_secret_set() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.secret_set_at := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER note_secret_set BEFORE UPDATE OF sealed_secret ON tillgate.app
FOR EACH ROW EXECUTE FUNCTION tillgate.note_secret_set();
CREATE TRIGGER note_secret_set BEFORE UPDATE OF sealed_secret ON tillgate.source
FOR EACH ROW EXECUTE FUNCTION tillgate.note_secret_set();

-- What find_endpoint gives, and since when the secret is. The version before this one goes on
-- asking find_endpoint, which a later migration takes away.
CREATE FUNCTION tillgate.look_up_endpoint(p_provider text, p_endpoint_id uuid)
RETURNS TABLE (
    notification_url text, sealed_secret bytea, merchant_id text,
    tenant_id uuid, slug text, state text, secret_set_at timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.notification_url, s.sealed_secret, s.merchant_id, t.tenant_id, t.slug, t.state,
        s.secret_set_at
    FROM tillgate.source AS s
    JOIN tillgate.tenant AS t ON t.tenant_id = s.tenant_id
    WHERE s.source_id = p_endpoint_id AND s.provider = p_provider AND s.app_id IS NULL
    UNION ALL
    SELECT a.notification_url, a.sealed_secret, NULL, NULL, NULL, NULL, a.secret_set_at
    FROM tillgate.app AS a
    WHERE a.app_id = p_endpoint_id AND a.provider = p_provider;
END;
GRANT EXECUTE ON FUNCTION tillgate.look_up_endpoint(text, uuid)
TO tillgate_ingest, tillgate_accept;

-- A token's tenant, and when it was revoked if it was.
CREATE FUNCTION tillgate.token_standing(p_digest bytea)
RETURNS TABLE (tenant_id uuid, slug text, state text, revoked_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tenant_id, t.slug, t.state, a.revoked_at
    FROM tillgate.api_token AS a
    JOIN tillgate.tenant AS t ON t.tenant_id = a.tenant_id
    WHERE a.digest = p_digest;
END;
GRANT EXECUTE ON FUNCTION tillgate.token_standing(bytea) TO tillgate_accept;

-- Everyone who may send, in an order that is always the same. Secrets stay sealed.
CREATE FUNCTION tillgate.registry_snapshot() RETURNS text
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
        ), '[]')
    )::text;
END;
GRANT EXECUTE ON FUNCTION tillgate.registry_snapshot() TO tillgate_sweep;
