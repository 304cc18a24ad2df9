-- Some vendors issue their signing key only once the URL, which holds the source's id, is
-- registered: the admin role may replace a secret, and nothing else of a source or an app.
SET LOCAL ROLE tillgate_owner;

GRANT UPDATE (sealed_secret) ON tillgate.app, tillgate.source TO tillgate_admin;
