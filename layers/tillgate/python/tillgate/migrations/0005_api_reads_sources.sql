-- The api role may learn from which provider one of its tenant's sources comes, and no more.
SET LOCAL ROLE tillgate_owner;

GRANT SELECT (source_id, tenant_id, provider) ON tillgate.source TO tillgate_api;
CREATE POLICY api_reads_its_tenant ON tillgate.source FOR SELECT TO tillgate_api
USING (tenant_id = (SELECT tillgate.current_tenant()));
