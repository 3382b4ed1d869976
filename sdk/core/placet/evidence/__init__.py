"""What the entries of a controller's log mean: their bytes, the rules that admit them, the proofs that they were kept.

Read in this order: `terms`, `entries`, `drafts`, `admission`, `status`, `state`, `bundle`, `verify`. Pure: stdlib,
`cryptography` and `placet.tlog`; never reads a clock, randomness, a file or the network, and never decides by law (that
is the policy's part: here its decision is one entry among others). Follows ledger.md sections 4 and 5; the formats are
permanent: `docs/adr/0002-entry-format.md` and `docs/adr/0003-bundle-format.md`.
"""
