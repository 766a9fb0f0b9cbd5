"""Profiles of the property tests: `quick` by default, `--hypothesis-profile=thorough` to search longer."""

from hypothesis import settings

settings.register_profile("quick", deadline=None, max_examples=20, stateful_step_count=25)
settings.register_profile("thorough", deadline=None, max_examples=3000, stateful_step_count=60)
settings.load_profile("quick")
