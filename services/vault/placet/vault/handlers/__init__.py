"""The vault's use cases, one module each: `enrol`, `match`, `destroy`, `holdings`."""
