"""The pure heart: no await, no clock, no randomness, no sockets, no environment.

Time is sample counts, and monotonic seconds passed in as `now`. Every module here is tested without a
model, a network or a timer.
"""
