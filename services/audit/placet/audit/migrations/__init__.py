"""The revisions of the audit database, one module each, in order. A released one is never changed: add another.

Run by `placet.kit.db.migrating`: at the start on SQLite, by `placet ledger migrate` on PostgreSQL.
"""
