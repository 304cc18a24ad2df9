-- Rotation of the platform's own secrets: the role that re-seals what is kept under an older key,
-- which rows name which key, and how old each of those secrets is.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tillgate_rotate') THEN
        CREATE ROLE tillgate_rotate LOGIN NOINHERIT;
    END IF;
    ALTER ROLE tillgate_rotate SET idle_in_transaction_session_timeout = '10s';
    ALTER ROLE tillgate_rotate SET statement_timeout = '30s';
    ALTER ROLE tillgate_rotate SET timezone = 'UTC';
    ALTER ROLE tillgate_rotate SET search_path = 'pg_catalog';
END
$$;

SET LOCAL ROLE tillgate_owner;

GRANT USAGE ON SCHEMA tillgate TO tillgate_rotate;

-- In the order in which look-ups lock them, and before anything else is held: else they
-- and this deadlock.
LOCK TABLE tillgate.source, tillgate.app IN ACCESS EXCLUSIVE MODE;

-- The name of the key that sealed it: the third byte on, as long as the second says. '' for what
-- is not sealed as version 1 is; NULL for NULL.
CREATE FUNCTION tillgate.sealed_kid(p_sealed bytea) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN p_sealed IS NULL THEN NULL
    WHEN octet_length(p_sealed) < 2 OR get_byte(p_sealed, 0) <> 1 THEN ''
    ELSE encode(substr(p_sealed, 3, get_byte(p_sealed, 1)), 'escape')
END;
-- Whoever writes a row of these makes its place in the indexes below.
GRANT EXECUTE ON FUNCTION tillgate.sealed_kid(bytea) TO tillgate_rotate, tillgate_admin;

-- So that what an older key sealed is found without reading the rest, of which a delivery in
-- quarantine may have megabytes.
CREATE INDEX app_secret_kid ON tillgate.app (tillgate.sealed_kid(sealed_secret), app_id);
CREATE INDEX source_secret_kid ON tillgate.source (tillgate.sealed_kid(sealed_secret), source_id);
CREATE INDEX source_credential_kid
ON tillgate.source (tillgate.sealed_kid(sealed_credential), source_id);
CREATE INDEX destination_secret_kid
ON tillgate.destination (tillgate.sealed_kid(sealed_secret), tenant_id);
CREATE INDEX quarantine_kid ON tillgate.quarantine (tillgate.sealed_kid(sealed_content));

-- The same secret under another key is no other secret: since when it is, whether it is awaited
-- and what came meanwhile stay as they are.
CREATE OR REPLACE TRIGGER note_secret_set BEFORE UPDATE OF sealed_secret ON tillgate.app
FOR EACH ROW WHEN (current_user <> 'tillgate_rotate') EXECUTE FUNCTION tillgate.note_secret_set();
CREATE OR REPLACE TRIGGER note_secret_set BEFORE UPDATE OF sealed_secret ON tillgate.source
FOR EACH ROW WHEN (current_user <> 'tillgate_rotate') EXECUTE FUNCTION tillgate.note_secret_set();

GRANT SELECT (app_id, sealed_secret), UPDATE (sealed_secret) ON tillgate.app TO tillgate_rotate;
GRANT SELECT (source_id, tenant_id, sealed_secret, sealed_credential),
UPDATE (sealed_secret, sealed_credential) ON tillgate.source TO tillgate_rotate;
GRANT SELECT (tenant_id, sealed_secret), UPDATE (sealed_secret) ON tillgate.destination
TO tillgate_rotate;
CREATE POLICY rotate_reads ON tillgate.app FOR SELECT TO tillgate_rotate USING (true);
CREATE POLICY rotate_seals ON tillgate.app FOR UPDATE TO tillgate_rotate
USING (true) WITH CHECK (true);
CREATE POLICY rotate_reads ON tillgate.source FOR SELECT TO tillgate_rotate USING (true);
CREATE POLICY rotate_seals ON tillgate.source FOR UPDATE TO tillgate_rotate
USING (true) WITH CHECK (true);
CREATE POLICY rotate_reads ON tillgate.destination FOR SELECT TO tillgate_rotate USING (true);
CREATE POLICY rotate_seals ON tillgate.destination FOR UPDATE TO tillgate_rotate
USING (true) WITH CHECK (true);

-- How many rows of each sealed column name each key, counted to p_at_most. The columns are those
-- that the catalogue has (bytea, "sealed" in the name), so that a key is never thought unused for
-- a column that nobody wrote down. The owner reads them all: each of its tables has a policy.
CREATE FUNCTION tillgate.sealed_kids(p_at_most integer)
RETURNS TABLE (sealed_column text, kid text, named bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- Whatever the statistics say, the indexes above tell; and nothing here is worth compiling.
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off SET jit = off
AS $$
DECLARE
    v_table name;
    v_column name;
    v_kid text;
    v_named bigint;
BEGIN
    FOR v_table, v_column IN
        SELECT c.relname, a.attname
        FROM pg_class AS c
        JOIN pg_attribute AS a ON a.attrelid = c.oid
        WHERE c.relnamespace = 'tillgate'::regnamespace AND c.relkind IN ('r', 'p')
            AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
            AND a.atttypid = 'bytea'::regtype AND a.attname LIKE '%sealed%'
        ORDER BY c.relname, a.attname
    LOOP
        v_kid := NULL;
        LOOP
            -- From each key to the next: as many look-ups as there are keys.
            EXECUTE format(
                'SELECT tillgate.sealed_kid(%1$I) FROM tillgate.%2$I'
                ' WHERE tillgate.sealed_kid(%1$I) IS NOT NULL'
                ' AND ($1 IS NULL OR tillgate.sealed_kid(%1$I) > $1)'
                ' ORDER BY tillgate.sealed_kid(%1$I) LIMIT 1',
                v_column, v_table
            ) INTO v_kid USING v_kid;
            EXIT WHEN v_kid IS NULL;
            EXECUTE format(
                'SELECT count(*) FROM (SELECT FROM tillgate.%2$I'
                ' WHERE tillgate.sealed_kid(%1$I) = $1 LIMIT $2) AS counted',
                v_column, v_table
            ) INTO v_named USING v_kid, p_at_most;
            sealed_column := v_table || '.' || v_column;
            kid := v_kid;
            named := v_named;
            RETURN NEXT;
        END LOOP;
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.sealed_kids(integer) TO tillgate_rotate, tillgate_admin;

-- How old the platform's own secrets are; never what they are. Written by functions/rotate, each
-- day and whenever it has rotated one.
CREATE TABLE tillgate.platform_secret (
    name text PRIMARY KEY CHECK (name IN ('key-ring', 'operator', 'metrics')),
    -- When the value that is current was made, and when the secret's first was.
    made_at timestamptz NOT NULL,
    first_made_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL
);
ALTER TABLE tillgate.platform_secret ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.platform_secret FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_all ON tillgate.platform_secret TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY admin_reads ON tillgate.platform_secret FOR SELECT TO tillgate_admin USING (true);
GRANT SELECT ON tillgate.platform_secret TO tillgate_admin;

-- Puts what is known of them in the place of what was:
-- [{"name", "made_at" (epoch), "first_made_at" (epoch)}].
CREATE FUNCTION tillgate.note_platform_secrets(p_secrets json) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO tillgate.platform_secret AS s (name, made_at, first_made_at, noted_at)
    SELECT n.name, to_timestamp(n.made_at), to_timestamp(n.first_made_at), now()
    FROM json_to_recordset(p_secrets) AS n (
        name text, made_at double precision, first_made_at double precision
    )
    -- Two at once wait for each other instead of deadlocking.
    ORDER BY n.name
    ON CONFLICT (name) DO UPDATE
    SET made_at = excluded.made_at, first_made_at = excluded.first_made_at,
        noted_at = excluded.noted_at;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.note_platform_secrets(json) TO tillgate_rotate;

-- Seconds since the oldest of them was made, in whole days: Secrets Manager rotates at any hour of
-- the day on which it is due. NULL while none is known.
CREATE FUNCTION tillgate.platform_secret_age() RETURNS double precision
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT 86400 * floor(extract(EPOCH FROM now() - min(s.made_at)) / 86400)
    FROM tillgate.platform_secret AS s;
END;
GRANT EXECUTE ON FUNCTION tillgate.platform_secret_age() TO tillgate_watch;
