-- Who may enter the database is named, and nobody may fill its disk with temporary tables: both
-- are PUBLIC's when a database is made. A temporary table also is where a function without a
-- search_path of its own would look first.

DO $$
DECLARE
    v_database text := pg_catalog.current_database();
    v_role text;
BEGIN
    FOR v_role IN
        SELECT r.rolname FROM pg_catalog.pg_roles AS r
        WHERE r.rolcanlogin AND r.rolname LIKE 'tillgate\_%'
    LOOP
        EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', v_database, v_role);
    END LOOP;

    -- A database that an operator shares with something else (Supabase's own services, say) has
    -- clients that we do not know of, and must not lock out.
    IF EXISTS (
        SELECT FROM pg_catalog.pg_class AS c
        JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
        WHERE n.nspname NOT IN ('tillgate', 'information_schema')
            AND n.nspname NOT LIKE 'pg\_%'
            AND NOT EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d
                WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                    AND d.objid = c.oid AND d.deptype = 'e'
            )
    ) THEN
        RAISE NOTICE 'the database has tables of others: what PUBLIC may do there is left';
        RETURN;
    END IF;
    EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', v_database);

    -- A login of somebody else's, a monitor or RDS Proxy's own, came in by PUBLIC until now.
    IF NOT EXISTS (
        SELECT FROM pg_catalog.pg_roles AS r
        WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname NOT LIKE 'tillgate\_%'
            AND r.rolname <> current_user
    ) THEN
        EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', v_database);
    END IF;
END
$$;
