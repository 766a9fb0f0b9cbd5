"""How many gateways, workers and Redis shards so many callers need: `scripts/plan`.

`benchmark` (`scripts/bench sizing`) measures decodes, words, speech and traffic on the machine at hand, by
`decodes`, `speech` and `traffic`. `results/` has what it wrote for this project; `measured_figures` reads it.

`simulation` runs a `deployment` on a simulated clock: `caller` asks for what a session asks for while
somebody talks, `infrastructure` is gateways and Redis, `workers` decode, `outcome` is what callers noticed.

`planning` finds the smallest installation, `check` compares simulation and reality, `autoscaling` tries
thresholds, `batching` (`scripts/bench batching`) compares ways to fill batches. `document` and `plots` write
scripts/deploy/sizing.md. `plan_command` is `scripts/plan`.
"""
