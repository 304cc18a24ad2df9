-- The previous secrets of a rotation are sealed anew as the current ones are.
SET LOCAL ROLE tillgate_owner;

-- In the order in which look-ups lock them, as before.
LOCK TABLE tillgate.source, tillgate.app IN ACCESS EXCLUSIVE MODE;

CREATE INDEX app_previous_secret_kid
ON tillgate.app (tillgate.sealed_kid(previous_sealed_secret), app_id);
CREATE INDEX source_previous_secret_kid
ON tillgate.source (tillgate.sealed_kid(previous_sealed_secret), source_id);
GRANT SELECT (previous_sealed_secret), UPDATE (previous_sealed_secret)
ON tillgate.app, tillgate.source TO tillgate_rotate;
