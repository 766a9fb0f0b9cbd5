"""Who a client is and whether it may come in: tokens, keys, scopes, origins, addresses."""
