"""What every user of Redis needs, whatever it stores there: connecting, reconnecting, the names of keys, Lua
scripts, and reading a consumer group. Imports of the `redis` package are absolute and mean the library."""
