"""Several machines that share a Redis: decode jobs, sessions and background tool calls.

    redis/     connections to Redis: URLs, clients, reconnecting, key names, scripts, consumer groups
    jobs/      decode jobs from gateways to workers, and the answers
    sessions/  what gateways share of sessions: their state, used tokens, rate limits
    tools/     background tool calls from gateways to workers

`redis/` imports none of the others, and the others import only `redis/`.
"""
