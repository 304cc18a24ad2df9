-- Who did what to which tenant: written in the transaction that does it, and never changed.
SET LOCAL ROLE tillgate_owner;

-- The id is a UUIDv7 made from "at", as an event's is: one partition is one UTC year of ids. No
-- foreign key: an entry outlives its tenant.
CREATE TABLE tillgate.audit_entry (
    entry_id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor_kind text NOT NULL CHECK (actor_kind IN ('operator', 'tenant', 'system')),
    -- Which token, never the token.
    actor_id text NOT NULL CHECK (length(actor_id) BETWEEN 1 AND 128),
    -- What the caller said its name is; nothing proves it.
    claimed_name text CHECK (length(claimed_name) BETWEEN 1 AND 64),
    action text NOT NULL CHECK (action ~ '^[a-z_]{1,40}\.[a-z_]{1,40}$'),
    tenant_id uuid,
    target_kind text CHECK (target_kind ~ '^[a-z_]{1,40}$'),
    target_id text CHECK (length(target_id) BETWEEN 1 AND 128),
    rid text NOT NULL CHECK (length(rid) <= 128),
    source_address text NOT NULL CHECK (length(source_address) <= 64),
    details jsonb NOT NULL CHECK (
        jsonb_typeof(details) = 'object' AND octet_length(details::text) <= 4096
    ),
    -- Which login role wrote it, in which transaction: not the writer's word.
    database_role text NOT NULL DEFAULT session_user,
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    CHECK ((target_kind IS NULL) = (target_id IS NULL))
) PARTITION BY RANGE (entry_id);
-- A list is in the order of ids, whatever it is filtered by.
CREATE INDEX audit_entry_tenant_id ON tillgate.audit_entry (tenant_id, entry_id);
CREATE INDEX audit_entry_action ON tillgate.audit_entry (action, entry_id);
CREATE INDEX audit_entry_actor_id ON tillgate.audit_entry (actor_id, entry_id);
CREATE INDEX audit_entry_claimed_name ON tillgate.audit_entry (claimed_name, entry_id)
WHERE claimed_name IS NOT NULL;

ALTER TABLE tillgate.audit_entry ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.audit_entry FORCE ROW LEVEL SECURITY;
-- No role has a privilege on it; the functions below add and read, and no policy lets even the
-- owner change or delete a row.
CREATE POLICY owner_adds ON tillgate.audit_entry FOR INSERT TO tillgate_owner WITH CHECK (true);
CREATE POLICY owner_reads ON tillgate.audit_entry FOR SELECT TO tillgate_owner USING (true);

-- Said aloud, to the owner and to a superuser too, and in a replica's session. Whoever may alter
-- the table can still take the trigger off, or drop a year.
CREATE FUNCTION tillgate.refuse_to_rewrite() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tillgate.audit_entry
FOR EACH STATEMENT EXECUTE FUNCTION tillgate.refuse_to_rewrite();
ALTER TABLE tillgate.audit_entry ENABLE ALWAYS TRIGGER append_only;

-- Makes the partition of a day's UTC year; true when it was not there. As make_partitions.
CREATE FUNCTION tillgate.make_audit_partition(p_day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
    v_name text := 'audit_entry' || to_char(p_day, '_YYYY');
    v_from timestamp := date_trunc('year', p_day::timestamp);
BEGIN
    IF to_regclass(format('tillgate.%I', v_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE tillgate.audit_entry IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass(format('tillgate.%I', v_name)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE tillgate.%I (LIKE tillgate.audit_entry INCLUDING ALL)', v_name);
    EXECUTE format('ALTER TABLE tillgate.%I ENABLE ROW LEVEL SECURITY', v_name);
    EXECUTE format('ALTER TABLE tillgate.%I FORCE ROW LEVEL SECURITY', v_name);
    EXECUTE format(
        'CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tillgate.%I'
        ' FOR EACH STATEMENT EXECUTE FUNCTION tillgate.refuse_to_rewrite()', v_name);
    EXECUTE format('ALTER TABLE tillgate.%I ENABLE ALWAYS TRIGGER append_only', v_name);
    EXECUTE format(
        'ALTER TABLE tillgate.audit_entry ATTACH PARTITION tillgate.%I FOR VALUES FROM (%L) TO (%L)',
        v_name,
        tillgate.first_event_id(v_from AT TIME ZONE 'UTC'),
        tillgate.first_event_id((v_from + interval '1 year') AT TIME ZONE 'UTC'));
    RETURN true;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.make_audit_partition(date) TO tillgate_sweep;
SELECT tillgate.make_audit_partition((now() AT TIME ZONE 'UTC')::date);
SELECT tillgate.make_audit_partition(((now() AT TIME ZONE 'UTC') + interval '1 year')::date);

-- Adds an entry, in the caller's transaction; gives its id. Who writes is the caller's word, but
-- for database_role.
CREATE FUNCTION tillgate.audit(
    p_actor_kind text, p_actor_id text, p_claimed_name text, p_action text, p_tenant_id uuid,
    p_target_kind text, p_target_id text, p_rid text, p_source_address text, p_details jsonb
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_entry_id uuid := tillgate.new_event_id(v_now);
BEGIN
    INSERT INTO tillgate.audit_entry (
        entry_id, at, actor_kind, actor_id, claimed_name, action, tenant_id, target_kind,
        target_id, rid, source_address, details
    ) VALUES (
        v_entry_id, v_now, p_actor_kind, p_actor_id, p_claimed_name, p_action, p_tenant_id,
        p_target_kind, p_target_id, p_rid, p_source_address, p_details
    );
    -- For note_unsaid, until the transaction ends.
    PERFORM set_config('tillgate.audit_entry', v_entry_id::text, true);
    RETURN v_entry_id;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.audit(
    text, text, text, text, uuid, text, text, text, text, jsonb
) TO tillgate_admin, tillgate_api, tillgate_deliver;

-- Up to p_limit entries, the newest first, from below p_before. NULL stands for any; p_actor is a
-- token's id or a claimed name. Planned with the filters known, since each has an index.
CREATE FUNCTION tillgate.audit_list(
    p_tenant_id uuid, p_action text, p_actor text, p_since timestamptz, p_until timestamptz,
    p_before uuid, p_limit integer
) RETURNS SETOF tillgate.audit_entry
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan SET jit = off
AS $$
DECLARE
    v_low uuid := tillgate.first_event_id(p_since);
    -- One millisecond on: ids are as fine as that.
    v_high uuid := least(
        tillgate.first_event_id(p_until + interval '1 millisecond'), p_before
    );
BEGIN
    IF p_actor IS NULL THEN
        RETURN QUERY
        SELECT e.* FROM tillgate.audit_entry AS e
        WHERE (p_tenant_id IS NULL OR e.tenant_id = p_tenant_id)
            AND (p_action IS NULL OR e.action = p_action)
            AND (v_low IS NULL OR e.entry_id >= v_low)
            AND (v_high IS NULL OR e.entry_id < v_high)
            AND (p_since IS NULL OR e.at >= p_since)
            AND (p_until IS NULL OR e.at < p_until)
        ORDER BY e.entry_id DESC
        LIMIT p_limit;
        RETURN;
    END IF;
    -- One by each index: an OR would have neither's order.
    RETURN QUERY
    SELECT o.* FROM (
        (
            SELECT e.* FROM tillgate.audit_entry AS e
            WHERE e.actor_id = p_actor
                AND (p_tenant_id IS NULL OR e.tenant_id = p_tenant_id)
                AND (p_action IS NULL OR e.action = p_action)
                AND (v_low IS NULL OR e.entry_id >= v_low)
                AND (v_high IS NULL OR e.entry_id < v_high)
                AND (p_since IS NULL OR e.at >= p_since)
                AND (p_until IS NULL OR e.at < p_until)
            ORDER BY e.entry_id DESC
            LIMIT p_limit
        )
        UNION ALL
        (
            SELECT e.* FROM tillgate.audit_entry AS e
            WHERE e.claimed_name = p_actor AND e.actor_id <> p_actor
                AND (p_tenant_id IS NULL OR e.tenant_id = p_tenant_id)
                AND (p_action IS NULL OR e.action = p_action)
                AND (v_low IS NULL OR e.entry_id >= v_low)
                AND (v_high IS NULL OR e.entry_id < v_high)
                AND (p_since IS NULL OR e.at >= p_since)
                AND (p_until IS NULL OR e.at < p_until)
            ORDER BY e.entry_id DESC
            LIMIT p_limit
        )
    ) AS o
    ORDER BY o.entry_id DESC
    LIMIT p_limit;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.audit_list(
    uuid, text, text, timestamptz, timestamptz, uuid, integer
) TO tillgate_admin;

-- Drops the years whose last entry is more than seven years old, and says so in an entry each;
-- gives how many. The one way in which entries go.
CREATE FUNCTION tillgate.drop_old_audit() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
SET lock_timeout = '1s'
AS $$
DECLARE
    v_year text;
    v_dropped integer := 0;
BEGIN
    FOR v_year IN
        SELECT right(c.relname, 4)
        FROM pg_inherits AS i
        JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'tillgate.audit_entry'::regclass
            AND right(c.relname, 4)::integer
                < extract(YEAR FROM now() AT TIME ZONE 'UTC')::integer - 7
        ORDER BY 1
    LOOP
        EXECUTE format('DROP TABLE tillgate.%I', 'audit_entry_' || v_year);
        PERFORM tillgate.audit(
            'system', 'tillgate', NULL, 'audit.dropped', NULL, 'year', v_year, '', '', '{}');
        v_dropped := v_dropped + 1;
    END LOOP;
    RETURN v_dropped;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.drop_old_audit() TO tillgate_sweep;

-- Whatever the operator's role changed in the registry leaves an entry, also where whoever changed
-- it left none: then it says that, of the first row, when the transaction commits.
CREATE FUNCTION tillgate.note_unsaid() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_row jsonb := coalesce(to_jsonb(NEW), to_jsonb(OLD));
BEGIN
    IF NOT EXISTS (
        SELECT FROM tillgate.audit_entry AS e
        WHERE e.entry_id = nullif(current_setting('tillgate.audit_entry', true), '')::uuid
            AND e.transaction_id = pg_current_xact_id()
    ) THEN
        PERFORM tillgate.audit(
            'system', session_user::text, NULL, 'registry.changed', (v_row ->> 'tenant_id')::uuid,
            TG_TABLE_NAME::text, v_row ->> TG_ARGV[0], '', '', '{}');
    END IF;
    RETURN NULL;
END
$$;
DO $$
DECLARE
    v_table text;
    v_key text;
BEGIN
    FOR v_table, v_key IN VALUES
        ('tenant', 'tenant_id'), ('app', 'app_id'), ('source', 'source_id'),
        ('api_token', 'token_id'), ('destination', 'tenant_id'), ('redrive', 'redrive_id'),
        ('redrive_cancelled', 'redrive_id')
    LOOP
        EXECUTE format(
            'CREATE CONSTRAINT TRIGGER note_unsaid AFTER INSERT OR UPDATE OR DELETE'
            ' ON tillgate.%I DEFERRABLE INITIALLY DEFERRED FOR EACH ROW'
            ' WHEN (session_user = %L) EXECUTE FUNCTION tillgate.note_unsaid(%L)',
            v_table, 'tillgate_admin', v_key);
    END LOOP;
END
$$;

-- As quarantine_discard, and gives how many of each tenant's: whoever discards them leaves an entry
-- with each. tenant_id is NULL for what is nobody's as far as is known.
CREATE FUNCTION tillgate.quarantine_discard_each(
    p_tenant_id uuid, p_endpoint_id uuid, p_provider text, p_reason text,
    p_since timestamptz, p_until timestamptz, p_ids uuid[], p_limit integer
) RETURNS TABLE (tenant_id uuid, count bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH chosen AS MATERIALIZED (
        SELECT q.quarantine_id
        FROM tillgate.quarantine AS q
        WHERE q.expires_at > now()
            AND (p_ids IS NULL OR q.quarantine_id = ANY (p_ids))
            AND (p_tenant_id IS NULL OR q.tenant_id = p_tenant_id)
            AND (p_endpoint_id IS NULL OR q.endpoint_id = p_endpoint_id)
            AND (p_provider IS NULL OR q.provider = p_provider)
            AND (p_reason IS NULL OR q.reason = p_reason)
            AND (p_since IS NULL OR q.received_at >= p_since)
            AND (p_until IS NULL OR q.received_at < p_until)
        ORDER BY q.received_at, q.quarantine_id
        LIMIT p_limit
        FOR UPDATE
    ), discarded AS (
        DELETE FROM tillgate.quarantine AS q USING chosen
        WHERE q.quarantine_id = chosen.quarantine_id
        RETURNING q.tenant_id
    )
    SELECT d.tenant_id, count(*) FROM discarded AS d GROUP BY d.tenant_id ORDER BY d.tenant_id;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.quarantine_discard_each(
    uuid, uuid, text, text, timestamptz, timestamptz, uuid[], integer
) TO tillgate_admin;
