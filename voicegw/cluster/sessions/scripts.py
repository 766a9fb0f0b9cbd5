"""The atomic operations on a stored session, as Lua scripts. KEYS of each: state, events, audio.

`state` is a hash of the epoch, a snapshot with its checksum, its change to the newest one, and the number of
the first event; `events`, a hash of encoded events by number; `audio`, a stream with an entry for each
commit: its id is the session sample at its end, and 1, since 0-0 is none; its only field is packed audio.
There is always a last entry, so that a commit can be seen to follow it.

Earlier versions keep the samples in a string, and in `state` the first of them: such a session can be
claimed, and its next commit is a whole one.
"""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha1


@dataclass(frozen=True)
class Script:
    """A script, and the name by which a server that has run it knows it."""

    text: str

    @cached_property
    def sha(self) -> str:
        """See EVALSHA."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()


# What stands before each script. A record that no gateway can have written is deleted: it would otherwise
# fail each script that touches it. `held`: the epoch of what is left, or -1.
_CHECK = """
local kinds, spoilt = {'hash', 'hash', 'stream string'}, false
for index, key in ipairs(KEYS) do
  local kind = redis.call('TYPE', key).ok
  spoilt = spoilt or (kind ~= 'none' and not string.find(kinds[index], kind, 1, true))
end
local numbers = spoilt and {} or redis.call('HMGET', KEYS[1], 'epoch', 'first', 'audio_start')
for _, number in ipairs(numbers) do
  spoilt = spoilt or (number and not (#number < 16 and string.match(number, '^%d+$')))
end
if spoilt then
  redis.call('DEL', unpack(KEYS))
  numbers = {}
end
local held = tonumber(numbers[1] or -1)
"""

# ARGV: epoch, ms to live, whole, first event, the audio's first sample and its end, the first sample needed,
# packed audio, the checksum of the snapshot, 'snapshot' or 'change' and that one, then numbers and events.
# The first write is one that Redis refuses when it is out of memory: later ones in a script it does not.
SAVE = Script(f"""{_CHECK}
local state, events, audio = unpack(KEYS)
local epoch, whole, first, start = tonumber(ARGV[1]), ARGV[3] == '1', tonumber(ARGV[4]), tonumber(ARGV[5])
if held > epoch then return 'fenced' end
local last = redis.pcall('XREVRANGE', audio, '+', '-', 'COUNT', 1)[1]
local follows = held == epoch and last and last[1] == ARGV[5] .. '-1'
  and (ARGV[10] == 'snapshot' or redis.call('HGET', state, 'checksum') == ARGV[9])
if not whole and not follows then return 'missing' end
redis.call('HSET', state, 'epoch', epoch, 'first', first, 'checksum', ARGV[9], ARGV[10], ARGV[11])
if ARGV[10] == 'snapshot' then redis.call('HDEL', state, 'change') end
if whole then
  redis.call('DEL', events, audio)
else
  for seq = tonumber(numbers[2] or first), first - 1 do redis.call('HDEL', events, seq) end
end
if whole or ARGV[5] ~= ARGV[6] then redis.call('XADD', audio, ARGV[6] .. '-1', 'audio', ARGV[8]) end
redis.call('XTRIM', audio, 'MINID', math.min(ARGV[7] + 1, start))
for i = 12, #ARGV, 2 do redis.call('HSET', events, ARGV[i], ARGV[i + 1]) end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ARGV[2]) end
return 'saved'
""")

# ARGV: ms to live, the epoch that it has to be above. What is left of its life tells how long ago it was
# saved, by a clock that all gateways share; so a claim does not prolong it.
CLAIM = Script(f"""{_CHECK}
local state, events, audio = unpack(KEYS)
local snapshot, pieces = redis.call('HGET', state, 'snapshot'), nil
if not snapshot or held <= tonumber(ARGV[2]) then return false end
if redis.call('TYPE', audio).ok == 'stream' then
  pieces = redis.call('XRANGE', audio, '-', '+')
else
  local samples = redis.call('GET', audio) or ''
  pieces = {{{{(numbers[3] or -1) + #samples / 2 .. '-1', {{'audio', '\\0' .. samples}}}}}}
end
local epoch = redis.call('HINCRBY', state, 'epoch', 1)
return {{epoch, snapshot, redis.call('HGET', state, 'change') or '', redis.call('HGETALL', events), pieces,
  math.max(0, ARGV[1] - redis.call('PTTL', state))}}
""")

# ARGV: epoch, ms to live. A mark stays behind, so that a gateway that was stopped and goes on cannot bring
# the session back.
DROP = Script(f"""{_CHECK}
if held > tonumber(ARGV[1]) then return end
redis.call('DEL', unpack(KEYS))
redis.call('HSET', KEYS[1], 'epoch', tonumber(ARGV[1]) + 1)
redis.call('PEXPIRE', KEYS[1], ARGV[2])
""")
