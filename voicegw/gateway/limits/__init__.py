"""Limits: the number of sessions and their resource use (admission, seats, rates, quotas)."""
