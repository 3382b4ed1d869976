"""A witness that a regulator can run: `placet witness`. It cosigns what continues what it cosigned before (C2SP).

Owns its keys, its state, the conflicts it met, and the HTTP interface. The decision is `placet.tlog.witness`; whether
entries are right (`--replay`) is `placet.evidence.replay`. Needs nothing of the operator but the logs' verifier keys.
"""
