"""Handlers import the port: it brings neither NATS, nor a database, nor gRPC with it (architecture.md section 4)."""

import subprocess
import sys


def test_the_ledger_port_and_its_values_import_no_infrastructure() -> None:
    code = (
        "import sys, placet.kit.ledger.port, placet.kit.ledger.errors, placet.kit.bus.messages\n"
        "bad = {'nats', 'grpc', 'google', 'sqlalchemy', 'sqlmodel', 'fastapi'} & set(sys.modules)\n"
        "sys.exit(f'imported {sorted(bad)}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
