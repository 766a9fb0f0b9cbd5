"""Used by `scripts/test-core`, which does not load the conftest of all tests: that one imports servers."""

import tests.hypothesis_profiles  # noqa: F401 - registers and loads the profiles
