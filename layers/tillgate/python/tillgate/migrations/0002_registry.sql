-- Who may send: tenants, their sources, the operator's apps, and API tokens.
SET LOCAL ROLE tillgate_owner;

-- The tenant under which a session works: api and deliver set it for one transaction.
-- NULL when it is unset, so that nothing matches.
CREATE FUNCTION tillgate.current_tenant() RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN nullif(current_setting('tillgate.tenant_id', true), '')::uuid;
GRANT EXECUTE ON FUNCTION tillgate.current_tenant()
TO tillgate_ingest, tillgate_api, tillgate_admin, tillgate_health, tillgate_sweep;

CREATE TABLE tillgate.tenant (
    tenant_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'suspended')),
    created_at timestamptz NOT NULL DEFAULT now()
);

-- The operator's own registration at a vendor: one URL, many merchants.
CREATE TABLE tillgate.app (
    app_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    provider text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    notification_url text NOT NULL,
    sealed_secret bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (app_id, provider)
);

-- One tenant's connection to one POS: with a URL and a secret of its own, or bound to an app.
CREATE TABLE tillgate.source (
    source_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tillgate.tenant,
    provider text NOT NULL,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    app_id uuid,
    merchant_id text CHECK (length(merchant_id) BETWEEN 1 AND 255),
    notification_url text,
    sealed_secret bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    FOREIGN KEY (app_id, provider) REFERENCES tillgate.app (app_id, provider),
    UNIQUE (app_id, merchant_id),
    CHECK (
        CASE
            WHEN app_id IS NULL THEN notification_url IS NOT NULL AND sealed_secret IS NOT NULL
            ELSE merchant_id IS NOT NULL AND notification_url IS NULL AND sealed_secret IS NULL
        END
    )
);
CREATE INDEX source_tenant_id ON tillgate.source (tenant_id);

CREATE TABLE tillgate.api_token (
    token_id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES tillgate.tenant,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    -- The first characters, by which a person tells tokens apart.
    hint text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz
);
CREATE INDEX api_token_tenant_id ON tillgate.api_token (tenant_id);

ALTER TABLE tillgate.tenant ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.tenant FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.app ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.app FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.source ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.source FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.api_token ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.api_token FORCE ROW LEVEL SECURITY;

-- The owner reads for the functions below, and foreign keys are checked as the owner.
CREATE POLICY owner_reads ON tillgate.tenant FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_reads ON tillgate.app FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_reads ON tillgate.source FOR SELECT TO tillgate_owner USING (true);
CREATE POLICY owner_reads ON tillgate.api_token FOR SELECT TO tillgate_owner USING (true);
-- A foreign key's check locks the row it found (FOR KEY SHARE), which needs this policy.
CREATE POLICY owner_locks ON tillgate.tenant FOR UPDATE TO tillgate_owner
USING (true) WITH CHECK (false);
CREATE POLICY owner_locks ON tillgate.app FOR UPDATE TO tillgate_owner
USING (true) WITH CHECK (false);

GRANT SELECT, INSERT ON tillgate.tenant, tillgate.app, tillgate.source, tillgate.api_token
TO tillgate_admin;
GRANT UPDATE (state) ON tillgate.tenant TO tillgate_admin;
-- Some vendors issue their signing key only once the URL, which holds the source's id, is
-- registered.
GRANT UPDATE (sealed_secret) ON tillgate.app, tillgate.source TO tillgate_admin;
GRANT UPDATE (revoked_at) ON tillgate.api_token TO tillgate_admin;
CREATE POLICY admin_all ON tillgate.tenant TO tillgate_admin USING (true) WITH CHECK (true);
CREATE POLICY admin_all ON tillgate.app TO tillgate_admin USING (true) WITH CHECK (true);
CREATE POLICY admin_all ON tillgate.source TO tillgate_admin USING (true) WITH CHECK (true);
CREATE POLICY admin_all ON tillgate.api_token TO tillgate_admin USING (true) WITH CHECK (true);

-- The api role may learn from which provider one of its tenant's sources comes, and no more.
GRANT SELECT (source_id, tenant_id, provider) ON tillgate.source TO tillgate_api;
CREATE POLICY api_reads_its_tenant ON tillgate.source FOR SELECT TO tillgate_api
USING (tenant_id = (SELECT tillgate.current_tenant()));

-- The tenant of a token that was not revoked.
CREATE FUNCTION tillgate.find_token(p_digest bytea)
RETURNS TABLE (tenant_id uuid, slug text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.tenant_id, t.slug, t.state
    FROM tillgate.api_token AS a
    JOIN tillgate.tenant AS t ON t.tenant_id = a.tenant_id
    WHERE a.digest = p_digest AND a.revoked_at IS NULL;
END;
GRANT EXECUTE ON FUNCTION tillgate.find_token(bytea) TO tillgate_ingest, tillgate_api;

-- The source with a URL of its own, or the app, to which a provider delivers.
-- The source_, tenant_ columns are NULL for an app.
CREATE FUNCTION tillgate.find_endpoint(p_provider text, p_endpoint_id uuid)
RETURNS TABLE (
    notification_url text, sealed_secret bytea, merchant_id text,
    tenant_id uuid, slug text, state text
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.notification_url, s.sealed_secret, s.merchant_id, t.tenant_id, t.slug, t.state
    FROM tillgate.source AS s
    JOIN tillgate.tenant AS t ON t.tenant_id = s.tenant_id
    WHERE s.source_id = p_endpoint_id AND s.provider = p_provider AND s.app_id IS NULL
    UNION ALL
    SELECT a.notification_url, a.sealed_secret, NULL, NULL, NULL, NULL
    FROM tillgate.app AS a
    WHERE a.app_id = p_endpoint_id AND a.provider = p_provider;
END;
GRANT EXECUTE ON FUNCTION tillgate.find_endpoint(text, uuid) TO tillgate_ingest;

-- The source that is bound to an app for one merchant.
CREATE FUNCTION tillgate.find_bound_source(p_app_id uuid, p_merchant_id text)
RETURNS TABLE (source_id uuid, tenant_id uuid, slug text, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.source_id, t.tenant_id, t.slug, t.state
    FROM tillgate.source AS s
    JOIN tillgate.tenant AS t ON t.tenant_id = s.tenant_id
    WHERE s.app_id = p_app_id AND s.merchant_id = p_merchant_id;
END;
GRANT EXECUTE ON FUNCTION tillgate.find_bound_source(uuid, text) TO tillgate_ingest;
