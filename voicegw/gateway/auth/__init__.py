"""Authentication and access control: tokens, keys, scopes, origins, addresses."""
