"""Placet audit: the logs. Sequencer, proofs, search, export."""
