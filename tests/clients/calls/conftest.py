"""The virtual clock, for calls through a gateway."""

from tests.gateway.conftest import virtual_clock as virtual_clock
