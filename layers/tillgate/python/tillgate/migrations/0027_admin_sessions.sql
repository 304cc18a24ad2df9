-- Browsers that the operator has signed in with, and how often it was tried from where.
SET LOCAL ROLE tillgate_owner;

-- Under the SHA-256 of its cookie, so that who reads the table can be nobody by it.
CREATE TABLE tillgate.admin_session (
    digest bytea PRIMARY KEY CHECK (length(digest) = 32),
    token_digest bytea NOT NULL CHECK (length(token_digest) = 32),
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL
);

-- One row an attempt, for a quarter of an hour, or until one from there was right.
CREATE TABLE tillgate.admin_attempt (
    address text NOT NULL CHECK (length(address) BETWEEN 1 AND 64),
    at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX admin_attempt_address_at ON tillgate.admin_attempt (address, at);
CREATE INDEX admin_attempt_at ON tillgate.admin_attempt (at);

ALTER TABLE tillgate.admin_session ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.admin_session FORCE ROW LEVEL SECURITY;
ALTER TABLE tillgate.admin_attempt ENABLE ROW LEVEL SECURITY;
ALTER TABLE tillgate.admin_attempt FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_keeps ON tillgate.admin_session TO tillgate_owner
USING (true) WITH CHECK (true);
CREATE POLICY owner_keeps ON tillgate.admin_attempt TO tillgate_owner
USING (true) WITH CHECK (true);

-- Notes an attempt from an address, and gives 0; or, where ten were within a quarter of an hour,
-- notes nothing, and gives the seconds after which the oldest of them no longer counts. Two at
-- once wait for each other, so that many at once are no way around it.
CREATE FUNCTION tillgate.admin_attempt_begin(p_address text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    c_window constant interval := interval '15 minutes';
    c_most constant integer := 10;
    v_oldest timestamptz;
    v_count bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('tillgate.admin_attempt'), hashtext(p_address));
    DELETE FROM tillgate.admin_attempt AS a WHERE a.at < clock_timestamp() - c_window;
    SELECT count(*), min(a.at) INTO v_count, v_oldest
    FROM tillgate.admin_attempt AS a
    WHERE a.address = p_address;
    IF v_count >= c_most THEN
        RETURN greatest(1, ceil(extract(epoch FROM v_oldest + c_window - clock_timestamp())));
    END IF;
    INSERT INTO tillgate.admin_attempt (address) VALUES (p_address);
    RETURN 0;
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.admin_attempt_begin(text) TO tillgate_admin;

-- Keeps a session for so long, gives when it ends, and forgets the attempts that led to it, as
-- well as every session that has ended.
CREATE FUNCTION tillgate.admin_session_open(
    p_digest bytea, p_token_digest bytea, p_lasts interval, p_address text
) RETURNS timestamptz
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM tillgate.admin_attempt AS a WHERE a.address = p_address;
    DELETE FROM tillgate.admin_session AS s WHERE s.expires_at <= clock_timestamp();
    INSERT INTO tillgate.admin_session (digest, token_digest, expires_at)
    VALUES (p_digest, p_token_digest, clock_timestamp() + p_lasts)
    RETURNING expires_at;
END;
GRANT EXECUTE ON FUNCTION tillgate.admin_session_open(bytea, bytea, interval, text)
TO tillgate_admin;

-- The session of a cookie's digest, if it has not ended.
CREATE FUNCTION tillgate.admin_session_find(p_digest bytea)
RETURNS TABLE (token_digest bytea, expires_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT s.token_digest, s.expires_at
    FROM tillgate.admin_session AS s
    WHERE s.digest = p_digest AND s.expires_at > clock_timestamp();
END;
GRANT EXECUTE ON FUNCTION tillgate.admin_session_find(bytea) TO tillgate_admin;

CREATE FUNCTION tillgate.admin_session_close(p_digest bytea) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM tillgate.admin_session AS s WHERE s.digest = p_digest;
END;
GRANT EXECUTE ON FUNCTION tillgate.admin_session_close(bytea) TO tillgate_admin;
