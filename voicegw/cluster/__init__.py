"""Many machines: decode work and sessions shared through Redis."""
