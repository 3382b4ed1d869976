"""A verifiable append-only log: hashing, trees, proofs, tiles, signed notes, checkpoints and what a witness decides.

Knows bytes and hashes only; what entries mean is `placet.evidence`. Pure: no files, network, clock or randomness.
Follows RFC 6962 section 2.1, RFC 9162 sections 2.1.3.2 and 2.1.4.2, and C2SP `signed-note`, `tlog-checkpoint`,
`tlog-cosignature`, `tlog-witness` and `tlog-tiles`. The formats are permanent: `docs/adr/0001-tlog-formats.md`.
"""
