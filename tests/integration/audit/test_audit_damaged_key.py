"""A damaged idempotency row, on SQLite: on PostgreSQL the service's role could not damage one."""

import os

from integration.audit.rig import Rig, decision, entry_of, event
from sqlalchemy import update

from placet.audit.store import KEY


def test_a_damaged_row_of_a_key_costs_its_caller_a_new_key_and_nobody_else_anything(rig: Rig) -> None:
    basis, key = rig.grant(), os.urandom(16)
    asked = event(rig.now, basis, key=key)
    rig.send(asked, decisions=[decision()])
    with rig.engines.writer.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER idempotency_refuses_update")
        connection.execute(update(KEY).where(KEY.c.key == key).values(digest=bytes(36)))
    reply = rig.send(asked, event(rig.now, basis), decisions=[decision()])
    assert reply.results[0].error.reason == "IDEMPOTENCY_CONFLICT"
    assert entry_of(reply, 1).verdict == "allow"
