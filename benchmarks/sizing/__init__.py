"""How many gateways, workers and Redis shards so many callers need: `scripts/plan`.

`measure` (`scripts/bench sizing`) measures decodes, words, speech and traffic on the machine at hand, by
`decodes`, `speech` and `traffic`, and writes a file like those in `measured/`, which `measured` reads.

`simulation` runs a `deployment` on a simulated clock: `caller` asks for what a session asks for while
somebody talks, `infrastructure` is gateways and Redis, `workers` decode, `outcome` is what callers noticed.

`planning` finds the smallest installation, `check` compares simulation and reality, `autoscaling` tries
thresholds, `batching` (`scripts/bench batching`) compares ways to fill batches, `plots` draws. `command` is
`scripts/plan`.
"""
