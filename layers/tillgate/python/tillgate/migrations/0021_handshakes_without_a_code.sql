-- Vendors whose set-up request has no code (Zettle): the operator sees that it came, and when.
SET LOCAL ROLE tillgate_owner;

-- In the order in which look-ups lock them, as before.
LOCK TABLE tillgate.source, tillgate.app IN ACCESS EXCLUSIVE MODE;

-- When one last came while the secret was awaited. It stays when the secret is set: it says
-- no more then that somebody called, which is what one asks when nothing else ever comes.
ALTER TABLE tillgate.app ADD COLUMN handshake_at timestamptz;
ALTER TABLE tillgate.source ADD COLUMN handshake_at timestamptz;

-- As before, for an endpoint that awaits its secret. One without a code forgets none.
CREATE OR REPLACE FUNCTION tillgate.handshake_put(
    p_provider text, p_endpoint_id uuid, p_code text
)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE tillgate.source AS s
    SET handshake_at = clock_timestamp(),
        verification_code = coalesce(p_code, s.verification_code)
    WHERE s.source_id = p_endpoint_id AND s.provider = p_provider AND s.awaits_secret;
    UPDATE tillgate.app AS a
    SET handshake_at = clock_timestamp(),
        verification_code = coalesce(p_code, a.verification_code)
    WHERE a.app_id = p_endpoint_id AND a.provider = p_provider AND a.awaits_secret;
END;
