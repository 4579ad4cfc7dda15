-- A cancel can be lifted: workers that were away meanwhile learn of it when they come back.
ALTER TABLE jobs ADD COLUMN resumed_at TIMESTAMPTZ;
