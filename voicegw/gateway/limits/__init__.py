"""How many sessions there may be and what each may use: admission, seats, rates, quotas."""
