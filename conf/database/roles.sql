-- Roles and database, made by the superuser; again as often as wanted (it also sets changed passwords). The collector owns the
-- database, since it migrates; the producer gets what conf/schema grants it. Passwords are read from files in ASSAY_SECRETS
-- (default /run/secrets): an argument could be seen in the process list.
\set collector_password `cat "${ASSAY_SECRETS:-/run/secrets}/pg-assay_collector"`
\set producer_password `cat "${ASSAY_SECRETS:-/run/secrets}/pg-assay_producer"`
SET client_min_messages = warning;
SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['assay_collector', 'assay_producer']) AS name
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)\gexec
ALTER ROLE assay_collector PASSWORD :'collector_password';
ALTER ROLE assay_producer PASSWORD :'producer_password';
SELECT 'CREATE DATABASE assay OWNER assay_collector' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'assay')\gexec
-- Only a superuser can, where pgvector is no trusted extension.
\connect assay
SELECT 'CREATE EXTENSION IF NOT EXISTS vector' WHERE EXISTS (SELECT FROM pg_available_extensions WHERE name = 'vector')\gexec
