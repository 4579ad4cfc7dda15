-- The producer reads verdicts and claims reconstructions; it stores nothing else. Where the set-up made no such role, the grants wait
-- for the operator (docs/database.md).
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'assay_producer') THEN
        GRANT SELECT ON executions, jobs, job_parts, workers, worker_states, dead_letters, applications, requirements, reconstructions
            TO assay_producer;
        GRANT UPDATE (claimed_by, claimed_until) ON reconstructions TO assay_producer;
        -- dead requeue and dead purge.
        GRANT UPDATE (requeued_at), DELETE ON dead_letters TO assay_producer;
    END IF;
END $$;
