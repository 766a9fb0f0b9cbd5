"""Decode jobs over Redis: the messages, the gateway's recogniser and the producer that it writes with, the
worker and the consumer that it reads with, and the registry of which gateways and workers are alive."""
