-- One event again, with less around its three rows.
SET LOCAL ROLE tillgate_owner;

-- An id is an instant and 16 hexadecimal digits, which begin with 8, 9, a or b. As one whole
-- number: the milliseconds, the version and the fraction of a millisecond are its first 64 bits.
-- Exact until 2106: from then on date_part's 53 bits leave less than half a microsecond.
CREATE FUNCTION tillgate.event_id_at(p_at timestamptz, p_random text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
RETURN (
    lpad(to_hex(
        (date_part('epoch', p_at) * 1000000)::bigint / 1000 * 65536 + 28672
        + (date_part('epoch', p_at) * 1000000)::bigint % 1000 * 4096 / 1000), 16, '0')
    || p_random
)::uuid;

-- As before, in half of the time.
CREATE OR REPLACE FUNCTION tillgate.new_event_id(p_at timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
RETURN tillgate.event_id_at(p_at, right(gen_random_uuid()::text, 17));

-- Stores an event of a tenant, and answers with words: "new" and the event's id; or "duplicate"
-- or "conflict", the id of the event that has the key, and the microsecond of the epoch at which
-- that was received. p_random is the id's end, which is the caller's: a Postgres without OpenSSL
-- opens /dev/urandom for each. Its beginning is the database's own time.
-- The one with ten parameters is for what an older version still sends.
CREATE FUNCTION tillgate.accept_event(
    p_tenant_id uuid, p_key text, p_fingerprint bytea, p_source_id uuid, p_type text,
    p_occurred_at text, p_entity_id text, p_entity_version numeric, p_data text,
    p_received_at timestamptz, p_random text
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    v_now timestamptz;
    v_event_id uuid;
    v_due_at timestamptz;
    v_known tillgate.ingest_key;
BEGIN
    LOOP
        v_now := clock_timestamp();
        v_event_id := tillgate.event_id_at(v_now, p_random);
        INSERT INTO tillgate.ingest_key (
            tenant_id, key, fingerprint, event_id, received_at, stored_at
        )
        VALUES (p_tenant_id, p_key, p_fingerprint, v_event_id, p_received_at, v_now)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            INSERT INTO tillgate.event (
                tenant_id, event_id, source_id, idempotency_key, type, occurred_at, entity_id,
                entity_version, data, received_at, stored_at
            )
            VALUES (
                p_tenant_id, v_event_id, p_source_id, substr(p_key, strpos(p_key, ':') + 1),
                p_type, p_occurred_at, p_entity_id, p_entity_version, p_data, p_received_at,
                v_now
            );
            -- Looked up apart: to begin an INSERT that then has no row costs more.
            SELECT v_now INTO v_due_at FROM tillgate.destination AS d
            WHERE d.tenant_id = p_tenant_id;
            INSERT INTO tillgate.delivery (tenant_id, event_id, state, since, due_at)
            VALUES (
                p_tenant_id, v_event_id,
                CASE WHEN v_due_at IS NULL THEN 'none' ELSE 'pending' END, v_due_at, v_due_at
            );
            RETURN 'new ' || v_event_id;
        END IF;

        -- A new statement, so a new snapshot: it sees what a concurrent call committed, for
        -- which the insert above waited.
        SELECT * INTO v_known FROM tillgate.ingest_key AS k
        WHERE k.tenant_id = p_tenant_id AND k.key = p_key;
        IF FOUND THEN
            RETURN CASE
                WHEN v_known.fingerprint = p_fingerprint THEN 'duplicate ' ELSE 'conflict '
            END || v_known.event_id || ' '
            || (extract(EPOCH FROM v_known.received_at) * 1000000)::bigint;
        END IF;
        -- Retention removed the key between the two statements: it is free now.
    END LOOP;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.accept_event(
    uuid, text, bytea, uuid, text, text, text, numeric, text, timestamptz, text
) TO tillgate_ingest, tillgate_accept;
