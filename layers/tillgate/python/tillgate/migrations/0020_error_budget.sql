-- What the platform answered, for the gauge of its error budget.
SET LOCAL ROLE tillgate_owner;

-- Requests and 5xx of all tenants together, for each place of the two arrays: of the buckets of
-- p_widths that began less than p_spans ago. [[requests, server_errors], ...], 0 where there were
-- none. No tenant's own figures can be asked for.
CREATE FUNCTION tillgate.platform_activity(p_widths text[], p_spans interval[]) RETURNS json
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
-- A thousand rows of the primary key, whatever the statistics say.
SET enable_seqscan = off SET jit = off
AS $$
BEGIN
    RETURN (
        SELECT json_agg(json_build_array(c.requests, c.server_errors) ORDER BY w.place)
        FROM unnest(p_widths, p_spans) WITH ORDINALITY AS w (width, span, place),
            LATERAL (
                SELECT coalesce(sum(a.requests), 0) AS requests,
                    coalesce(sum(a.server_errors), 0) AS server_errors
                FROM tillgate.tenant_activity AS a
                WHERE a.tenant_id = '00000000-0000-0000-0000-000000000000'
                    AND a.width = w.width
                    AND a.starts_at > now() - w.span AND a.starts_at <= now()
            ) AS c
    );
END
$$;
GRANT EXECUTE ON FUNCTION tillgate.platform_activity(text[], interval[]) TO tillgate_watch;
