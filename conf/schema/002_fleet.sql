-- The fleet's own records: workers as they tell of themselves, and messages that could not take the normal way.

CREATE TABLE workers (
    worker       TEXT PRIMARY KEY,
    host         TEXT NOT NULL,
    pid          BIGINT NOT NULL,
    version      TEXT NOT NULL,
    slots        INTEGER NOT NULL,
    busy         INTEGER NOT NULL,
    consuming    BOOLEAN NOT NULL,
    runtimes     TEXT[] NOT NULL,
    tasks_done   BIGINT NOT NULL,
    tasks_error  BIGINT NOT NULL,
    heartbeat_s  INTEGER NOT NULL,
    started_at   TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    stopped_at   TIMESTAMPTZ            -- its goodbye; NULL while it lives, and for ever when it was killed
);

-- What a worker is now: a killed one cannot say so, its silence does.
CREATE VIEW worker_states AS
SELECT w.*,
       CASE WHEN stopped_at IS NOT NULL THEN 'stopped'
            WHEN last_seen_at < now() - make_interval(secs => 3 * heartbeat_s) THEN 'lost'
            WHEN NOT consuming THEN 'paused'
            WHEN busy > 0 THEN 'busy'
            ELSE 'idle'
       END AS state
FROM workers w;

CREATE TABLE dead_letters (
    id          BIGSERIAL PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('task', 'result')),
    job_id      TEXT NOT NULL,
    task_id     TEXT NOT NULL,
    exchange    TEXT NOT NULL DEFAULT '',   -- where it was published first, for a requeue
    routing_key TEXT NOT NULL DEFAULT '',
    body        BYTEA NOT NULL,
    properties  JSONB NOT NULL DEFAULT '{}',
    headers     JSONB NOT NULL DEFAULT '{}',
    reason      TEXT NOT NULL,              -- x-death's reason, or the SQLSTATE and message
    count       BIGINT NOT NULL DEFAULT 1,  -- deliveries before it died, as the broker counts them
    died_at     TIMESTAMPTZ NOT NULL DEFAULT now(),
    requeued_at TIMESTAMPTZ
);
-- A collector that dies between commit and acknowledgement sees the same dead message again.
CREATE UNIQUE INDEX dead_letters_identity ON dead_letters (kind, job_id, task_id, sha256(body));
