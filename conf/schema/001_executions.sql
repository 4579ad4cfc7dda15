-- Verdicts and jobs. One row per (job_id, task_id): the identity of a result, on which the collector's insert is idempotent.

CREATE TABLE executions (
    id                BIGSERIAL PRIMARY KEY,
    job_id            TEXT NOT NULL,
    task_id           TEXT NOT NULL,
    runtime           TEXT,
    status            TEXT NOT NULL CHECK (status IN ('pass', 'fail', 'timeout', 'error')),
    reason            TEXT NOT NULL CHECK (reason IN ('ok', 'assertion', 'wrong_output', 'wall_time', 'cpu_time', 'memory', 'output',
                          'processes', 'disk', 'crash', 'compile', 'no_tests', 'tampered', 'bad_task', 'expired', 'cancelled',
                          'undeliverable', 'infra')),
    -- NULL exactly when the machinery or the publisher failed, so that neither is ever read as a zero reward.
    test_pass_rate    DOUBLE PRECISION CHECK (test_pass_rate BETWEEN 0 AND 1),
    passed            INTEGER NOT NULL DEFAULT 0,
    failed            INTEGER NOT NULL DEFAULT 0,
    skipped           INTEGER NOT NULL DEFAULT 0,
    total             INTEGER NOT NULL DEFAULT 0,
    errors            JSONB NOT NULL DEFAULT '[]',
    tests             JSONB NOT NULL DEFAULT '[]',
    tests_truncated   BOOLEAN NOT NULL DEFAULT false,
    stdout            TEXT,
    stderr            TEXT,
    stdout_truncated  BOOLEAN NOT NULL DEFAULT false,
    stderr_truncated  BOOLEAN NOT NULL DEFAULT false,
    exit_code         INTEGER,
    signal            INTEGER,
    queued_ms         BIGINT,
    setup_ms          BIGINT,
    compile_ms        BIGINT,
    run_ms            BIGINT,
    cpu_ms            BIGINT,
    peak_memory_kb    BIGINT,
    coverage          JSONB,
    cached            BOOLEAN NOT NULL DEFAULT false,
    labels            JSONB NOT NULL DEFAULT '{}',
    reconstruction_id BIGINT,
    worker            TEXT,
    attempt           INTEGER,
    sandbox           JSONB NOT NULL DEFAULT '[]',
    started_at        TIMESTAMPTZ,
    finished_at       TIMESTAMPTZ,
    stored_at         TIMESTAMPTZ NOT NULL DEFAULT now(),
    replaced_at       TIMESTAMPTZ,                 -- when a real verdict took the place of undeliverable, cancelled, expired or infra
    CONSTRAINT executions_identity UNIQUE (job_id, task_id),
    CONSTRAINT executions_rate_null_on_error CHECK ((status = 'error') = (test_pass_rate IS NULL))
);
-- Retention walks rows in the order in which they were stored.
CREATE INDEX executions_stored_at ON executions (stored_at);
CREATE INDEX executions_reconstruction ON executions (reconstruction_id) WHERE reconstruction_id IS NOT NULL;

CREATE TABLE jobs (
    job_id          TEXT PRIMARY KEY,
    state           TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'complete', 'cancelled')),
    total           BIGINT,                        -- sum over job_parts; NULL while no publisher announced one
    done            BIGINT NOT NULL DEFAULT 0,     -- rows in executions
    passed          BIGINT NOT NULL DEFAULT 0,     -- rows with status pass
    failed          BIGINT NOT NULL DEFAULT 0,
    timed_out       BIGINT NOT NULL DEFAULT 0,
    errors          BIGINT NOT NULL DEFAULT 0,
    labels          JSONB NOT NULL DEFAULT '{}',
    created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
    first_result_at TIMESTAMPTZ,
    last_result_at  TIMESTAMPTZ,
    completed_at    TIMESTAMPTZ,
    cancelled_at    TIMESTAMPTZ
);
CREATE INDEX jobs_created_at ON jobs (created_at DESC);

-- A part is one published set of tasks, named by a digest of its task ids: the same file published again is the same part.
CREATE TABLE job_parts (
    job_id       TEXT NOT NULL,
    part         TEXT NOT NULL,
    total        BIGINT NOT NULL CHECK (total >= 0),
    announced_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, part)
);
