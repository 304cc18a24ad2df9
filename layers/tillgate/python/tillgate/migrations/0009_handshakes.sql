-- Vendors that issue their secret only after a handshake: a code that they post to the URL,
-- and that the operator types in at the vendor.
SET LOCAL ROLE tillgate_owner;

-- In the order in which look-ups lock them, as before.
LOCK TABLE tillgate.source, tillgate.app IN ACCESS EXCLUSIVE MODE;

-- Whether the sealed secret is only a stand-in that nobody knows, until the operator sets the
-- vendor's; and the code that came meanwhile. Anyone can post one, so its form is narrow.
ALTER TABLE tillgate.app
ADD COLUMN awaits_secret boolean NOT NULL DEFAULT false,
ADD COLUMN verification_code text CHECK (verification_code ~ '^[A-Za-z0-9-]{1,64}$'),
ADD CHECK (awaits_secret OR verification_code IS NULL);
ALTER TABLE tillgate.source
ADD COLUMN awaits_secret boolean NOT NULL DEFAULT false,
ADD COLUMN verification_code text CHECK (verification_code ~ '^[A-Za-z0-9-]{1,64}$'),
ADD CHECK (awaits_secret OR verification_code IS NULL),
-- The secret of a bound source is its app's.
ADD CHECK (app_id IS NULL OR NOT awaits_secret);

-- By the trigger that is there, so that whoever sets a secret ends the wait.
CREATE OR REPLACE FUNCTION tillgate.note_secret_set() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.secret_set_at := clock_timestamp();
    NEW.awaits_secret := false;
    NEW.verification_code := NULL;
    RETURN NEW;
END
$$;

CREATE POLICY owner_notes_handshakes ON tillgate.app FOR UPDATE TO tillgate_owner
USING (awaits_secret) WITH CHECK (awaits_secret);
CREATE POLICY owner_notes_handshakes ON tillgate.source FOR UPDATE TO tillgate_owner
USING (awaits_secret) WITH CHECK (awaits_secret);

-- Keeps the newest code of an endpoint that awaits its secret; else does nothing, and tells
-- nothing either way.
CREATE FUNCTION tillgate.handshake_put(p_provider text, p_endpoint_id uuid, p_code text)
RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    UPDATE tillgate.source AS s SET verification_code = p_code
    WHERE s.source_id = p_endpoint_id AND s.provider = p_provider AND s.awaits_secret;
    UPDATE tillgate.app AS a SET verification_code = p_code
    WHERE a.app_id = p_endpoint_id AND a.provider = p_provider AND a.awaits_secret;
END;
GRANT EXECUTE ON FUNCTION tillgate.handshake_put(text, uuid, text) TO tillgate_ingest;
