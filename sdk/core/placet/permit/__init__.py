"""Permits: the short-lived signed tokens that an allowed face event yields (vault.md section 2).

A permit says what the ledger allowed; it is never the authority itself: each use is an entry that the sequencer checks
again. Pure: keys, time and randomness are handed in. `claims` says what is in one, `mint` signs, `verify` believes
nothing. No name, no image, no template ever stands in a permit.
"""
