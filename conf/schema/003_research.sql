-- The research tables that feed on verdicts.

CREATE TABLE applications (
    id              SERIAL PRIMARY KEY,
    name            TEXT NOT NULL UNIQUE,
    description     TEXT,
    source_path     TEXT NOT NULL,
    test_suite_path TEXT NOT NULL,          -- a file path or an http(s) URL
    language        TEXT NOT NULL,          -- the runtime
    loc             INTEGER,
    test_coverage   FLOAT,
    split           TEXT NOT NULL CHECK (split IN ('train', 'holdout')),
    created_at      TIMESTAMPTZ DEFAULT now()
);
CREATE INDEX applications_split ON applications (split);
CREATE INDEX applications_language ON applications (language);

CREATE TABLE requirements (
    id                BIGSERIAL PRIMARY KEY,
    application_id    INTEGER REFERENCES applications (id),
    cet_model_version TEXT NOT NULL,
    requirement_text  TEXT NOT NULL,
    requirement_type  TEXT CHECK (requirement_type IN ('functional', 'non-functional', 'constraint')),
    extracted_at      TIMESTAMPTZ DEFAULT now(),
    phase             INTEGER NOT NULL CHECK (phase BETWEEN 1 AND 4)
);

CREATE TABLE reconstructions (
    id                  BIGSERIAL PRIMARY KEY,
    application_id      INTEGER REFERENCES applications (id),
    requirement_id      BIGINT REFERENCES requirements (id),
    llm_model           TEXT NOT NULL,
    implementation_code TEXT NOT NULL,
    test_results        JSONB,
    test_pass_rate      FLOAT,
    execution_time      FLOAT,              -- seconds
    created_at          TIMESTAMPTZ DEFAULT now(),
    -- A `pending` producer's lease: no other takes the row before it ends, and a dead producer's rows come free by themselves.
    claimed_by          TEXT,
    claimed_until       TIMESTAMPTZ
);
CREATE INDEX reconstructions_application_model ON reconstructions (application_id, llm_model);
CREATE INDEX reconstructions_pass_rate ON reconstructions (test_pass_rate DESC);
CREATE INDEX reconstructions_pending ON reconstructions (id) WHERE test_results IS NULL;

CREATE FUNCTION assay_notify_reconstructions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('assay_reconstructions', '');
    RETURN NULL;
END $$;
CREATE TRIGGER reconstructions_notify AFTER INSERT ON reconstructions
    FOR EACH STATEMENT EXECUTE FUNCTION assay_notify_reconstructions();

CREATE TABLE training_signals (
    id                BIGSERIAL PRIMARY KEY,
    requirement_id    BIGINT REFERENCES requirements (id),
    reconstruction_id BIGINT REFERENCES reconstructions (id),
    signal_type       TEXT NOT NULL CHECK (signal_type IN ('reconstruction_success', 'variance', 'human_feedback')),
    signal_value      FLOAT,
    details           JSONB,
    created_at        TIMESTAMPTZ DEFAULT now()
);
CREATE INDEX training_signals_requirement ON training_signals (requirement_id);
CREATE INDEX training_signals_type ON training_signals (signal_type);

CREATE TABLE model_checkpoints (
    id         SERIAL PRIMARY KEY,
    version    TEXT NOT NULL UNIQUE,
    phase      INTEGER NOT NULL,
    model_path TEXT NOT NULL,
    metrics    JSONB,
    created_at TIMESTAMPTZ DEFAULT now()
);

CREATE TABLE conversations (
    id         BIGSERIAL PRIMARY KEY,
    session_id UUID NOT NULL,
    timestamp  TIMESTAMPTZ NOT NULL DEFAULT now(),
    speaker    TEXT NOT NULL CHECK (speaker IN ('user', 'assistant')),
    content    TEXT NOT NULL,
    metadata   JSONB
);
CREATE INDEX conversations_session ON conversations (session_id);
CREATE INDEX conversations_timestamp ON conversations (timestamp DESC);

-- vector(384) with a cosine index where pgvector can be created; otherwise real[] keeps the values until it is (docs/database.md).
DO $$
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS vector;
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE 'pgvector cannot be used (%): conversations.embedding is real[]', SQLERRM;
        ALTER TABLE conversations ADD COLUMN embedding real[] CHECK (array_length(embedding, 1) = 384);
        RETURN;
    END;
    ALTER TABLE conversations ADD COLUMN embedding vector(384);
    CREATE INDEX conversations_embedding ON conversations USING ivfflat (embedding vector_cosine_ops) WITH (lists = 100);
END $$;
