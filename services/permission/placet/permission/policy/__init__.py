"""The law as data: packs of Cedar policies, and the engine that asks every pack in force.

Pure: no clock, no network, no database, no gRPC. Import the modules: `context` (what a policy sees), `pack` (one law),
`engine` (the decision), `scenarios` (a law's own tests), `page` (a law as a page for people). Source: law.md.
"""
