"""The core: pure code without await, clock, randomness, sockets or environment variables.

Time is a number of samples, or monotonic seconds passed in as `now`. Every module is tested without a model,
a network or a timer, and imports numpy, msgspec and `voicegw.errors` only.
"""
