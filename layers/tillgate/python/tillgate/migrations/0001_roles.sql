-- The owner, which nobody can log in as, and one login role per function.
-- Runs as the role that migrates: it needs CREATEROLE and CREATE on the database, not superuser.
-- Roles belong to the whole cluster, so another stage's database on it may have made them.

DO $$
DECLARE
    v_role text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'tillgate_owner') THEN
        CREATE ROLE tillgate_owner NOLOGIN;
    END IF;
    FOREACH v_role IN ARRAY ARRAY[
        'tillgate_ingest', 'tillgate_api', 'tillgate_admin', 'tillgate_health', 'tillgate_sweep'
    ] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = v_role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN NOINHERIT', v_role);
        END IF;
        -- A sandbox that is frozen or killed inside a transaction must not keep its locks.
        EXECUTE format('ALTER ROLE %I SET idle_in_transaction_session_timeout = %L', v_role, '10s');
        EXECUTE format('ALTER ROLE %I SET statement_timeout = %L', v_role, '30s');
        EXECUTE format('ALTER ROLE %I SET timezone = %L', v_role, 'UTC');
        EXECUTE format('ALTER ROLE %I SET search_path = %L', v_role, 'pg_catalog');
    END LOOP;
END
$$;

GRANT tillgate_owner TO CURRENT_USER;

CREATE SCHEMA IF NOT EXISTS tillgate AUTHORIZATION tillgate_owner;
REVOKE ALL ON SCHEMA tillgate FROM PUBLIC;
GRANT USAGE ON SCHEMA tillgate
TO tillgate_ingest, tillgate_api, tillgate_admin, tillgate_health, tillgate_sweep;

-- A function is for those to whom it is granted by name.
ALTER DEFAULT PRIVILEGES FOR ROLE tillgate_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- What was applied; the checksum is of the file, so that an edited one is noticed.
CREATE TABLE tillgate.schema_migration (
    number integer PRIMARY KEY,
    name text NOT NULL,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE tillgate.schema_migration OWNER TO tillgate_owner;
GRANT SELECT ON tillgate.schema_migration TO tillgate_health, tillgate_admin;
