"""For every test: properties are not timed. Limits of speed belong to `tests/bench`; a busy machine fails none."""

from hypothesis import settings

settings.register_profile("placet", deadline=None)
settings.load_profile("placet")
