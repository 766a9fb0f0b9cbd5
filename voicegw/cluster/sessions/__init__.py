"""What gateways share about sessions: the state from which another gateway resumes one, the single-use tokens
that have been used, and the counters of rate limits."""
