"""Background tool calls over Redis: the gateway's side, which submits a call and follows its progress, and
the worker that makes it."""
