-- What Tillgate delivers into: a table of events, and a view of how each entity stands.
--
-- Run it once in the destination's own database, and again whenever you like, which brings an
-- older table up to date: in Supabase paste it into the SQL editor, elsewhere
-- `psql "$URL" -f ops/supabase/schema.sql`. Then set the destination with the project's URL and
-- its secret (service role) key: `tillgate destination set`. Before a source is given a credential
-- (`tillgate source credential`) run it again, if the table is from before there were `object`
-- and `enrichment`. It runs on Postgres 15 and later.
--
-- One table serves a project that is one tenant's alone, and one that several tenants share.

CREATE TABLE IF NOT EXISTS public.tillgate_event (
    -- Made by Tillgate when it stored the event. A delivery that is repeated changes nothing.
    event_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    type text NOT NULL,
    -- The source's id, or "api" for what came through /v1/events.
    source text NOT NULL,
    idempotency_key text NOT NULL,
    -- Which instant it was, in UTC: the offset that it was sent with is not kept.
    occurred_at timestamptz,
    entity_id text,
    entity_version numeric,
    -- json, not jsonb, which rewrites numbers: cast it where you query it. An event whose data
    -- has \u0000 in it cannot be stored here: a json column would take it, but PostgREST takes the
    -- rows apart by json_to_recordset, which does not, and neither does any operator on json.
    -- Tillgate keeps such an event, and gives its delivery up as http-400-22P05.
    data json NOT NULL,
    received_at timestamptz NOT NULL,
    stored_at timestamptz NOT NULL,
    delivered_at timestamptz NOT NULL DEFAULT now(),
    -- Some vendors' events only name what changed. This is that object, exactly as the vendor's
    -- API gave it when the event was delivered; NULL where there is none.
    object json,
    -- none: nothing was to be fetched. fetched. gone: the vendor has it no longer. gave_up: it was
    -- not to be had. To have such an event enriched after all, delete its row here and replay it:
    -- `tillgate event replay EVENT_ID --tenant TENANT`. A row that is there is never changed.
    enrichment text NOT NULL DEFAULT 'none',
    -- Why it is gone or was given up.
    enrichment_reason text
);

-- For a table that was made before there were these.
ALTER TABLE public.tillgate_event ADD COLUMN IF NOT EXISTS object json;
ALTER TABLE public.tillgate_event
ADD COLUMN IF NOT EXISTS enrichment text NOT NULL DEFAULT 'none';
ALTER TABLE public.tillgate_event ADD COLUMN IF NOT EXISTS enrichment_reason text;

CREATE INDEX IF NOT EXISTS tillgate_event_entity ON public.tillgate_event (
    tenant_id, source, entity_id, entity_version DESC NULLS LAST, occurred_at DESC NULLS LAST,
    stored_at DESC, event_id DESC
) WHERE entity_id IS NOT NULL;

-- How each entity stands: its event with the highest version, of those the one that occurred
-- last, of those the one that was stored last. In which order events arrived makes no difference.
-- The view shows what its reader may see of the table, and no more.
CREATE OR REPLACE VIEW public.entity_state WITH (security_invoker = true) AS
SELECT DISTINCT ON (e.tenant_id, e.source, e.entity_id)
    e.tenant_id, e.source, e.entity_id, e.entity_version, e.occurred_at, e.type, e.data,
    e.event_id, e.received_at, e.stored_at, e.object, e.enrichment
FROM public.tillgate_event AS e
WHERE e.entity_id IS NOT NULL
ORDER BY e.tenant_id, e.source, e.entity_id, e.entity_version DESC NULLS LAST,
    e.occurred_at DESC NULLS LAST, e.stored_at DESC, e.event_id DESC;

-- Nobody reads or writes it with a public key, unless you add a policy. The service role does:
-- row-level security does not hold for it.
ALTER TABLE public.tillgate_event ENABLE ROW LEVEL SECURITY;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'service_role') THEN
        -- DELETE is for what Tillgate sends to try the way, and takes away again: `tillgate onboard`.
        GRANT SELECT, INSERT, DELETE ON public.tillgate_event TO service_role;
        GRANT SELECT ON public.entity_state TO service_role;
    END IF;
END
$$;

-- PostgREST sees the table at once.
NOTIFY pgrst, 'reload schema';
