-- The roles of the audit service on PostgreSQL. An administrator runs this once, in the database that is the audit
-- service's own; it may be repeated:
--
--   createdb placet_audit
--   psql -d placet_audit -f deploy/postgres/roles.sql
--
-- Then give both a way to log in (a password, a certificate) and let the owner make the tables:
--
--   PLACET_DATABASE_URL=postgresql://placet_audit_owner@HOST/placet_audit \
--     placet ledger migrate --service-role placet_audit
--
-- placet_audit_owner  owns the tables and runs migrations; no service ever has its credentials
-- placet_audit        is the service: it reads and appends (what exactly: services/audit/placet/audit/grants.py)

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'placet_audit_owner') THEN
        CREATE ROLE placet_audit_owner LOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'placet_audit') THEN
        CREATE ROLE placet_audit LOGIN;
    END IF;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO placet_audit_owner, placet_audit', current_database());
END
$$;

-- The log.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO placet_audit_owner;
GRANT USAGE ON SCHEMA public TO placet_audit;

-- The search index: a projection that the service may delete and make again, so it is its own.
CREATE SCHEMA IF NOT EXISTS search AUTHORIZATION placet_audit;
