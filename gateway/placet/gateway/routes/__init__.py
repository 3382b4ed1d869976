"""The routes, one file a resource: at most a few lines each, from parameters to audit's client to an answer."""
