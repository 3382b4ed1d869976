"""The demo: a bank and a retailer on a really running mesh, told as a story, every expectation checked."""
