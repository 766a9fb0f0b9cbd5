"""The atomic operations in Redis, as Lua scripts. A comment states the KEYS and ARGV of each.

Entries of the job streams are deleted when they are acknowledged. So a stream contains only waiting and held
jobs, and the number of waiting ones is its length less the pending ones.
"""

GROUP = "workers"  # the consumer group of the job streams

# KEYS job stream; ARGV group, entry. Deletes the entry unless a worker has it: whether it did.
WITHDRAW = """
local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if not held.err and #held > 0 then return 0 end
return redis.call('XDEL', KEYS[1], ARGV[2])
"""

# KEYS job stream; ARGV entries. Those that are no longer there.
MISSING = """
local missing = {}
for _, entry in ipairs(ARGV) do
  if #redis.call('XRANGE', KEYS[1], entry, entry) == 0 then missing[#missing + 1] = entry end
end
return missing
"""

# KEYS one worker's job stream; ARGV group, lease in ms, entries. Deletes those that the worker has not taken,
# or has taken and not renewed for the lease: which ones.
TAKE_BACK = """
local back = {}
for index = 3, #ARGV do
  local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[index], ARGV[index], 1)
  local waits = held.err or #held == 0
  if waits or held[1][3] >= tonumber(ARGV[2]) then
    if not waits then redis.call('XACK', KEYS[1], ARGV[1], ARGV[index]) end
    if redis.call('XDEL', KEYS[1], ARGV[index]) == 1 then back[#back + 1] = ARGV[index] end
  end
end
return back
"""

# KEYS job stream, results, dead jobs; ARGV group, entry, answer, time to live of the results in ms, and
# when the job is dead, the reason and the job. Whether the answer was published: not when another worker
# has been faster. An answer frees more memory than it takes, and at most 100 dead jobs are kept, so both
# may be written when memory is short. They stand before the acknowledgement because a script that fails is
# not rolled back. A key of another type is deleted: it would fail this for ever.
PUBLISH = """#!lua flags=allow-oom
local function add(key, ...)
  local type = redis.call('TYPE', key).ok
  if type ~= 'stream' and type ~= 'none' then redis.call('DEL', key) end
  redis.call('XADD', key, ...)
end
local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if held.err or #held == 0 then return 0 end
if ARGV[3] ~= '' then
  add(KEYS[2], '*', 'answer', ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
end
if ARGV[5] ~= '' then
  add(KEYS[3], 'MAXLEN', 100, '*', 'reason', ARGV[5], 'job', ARGV[6])
  redis.call('EXPIRE', KEYS[3], 86400)
end
redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XDEL', KEYS[1], ARGV[2])
return 1
"""

# KEYS streams; ARGV group, consumer, least idle time in ms, most entries of a stream, the payload's field.
# Claims entries of consumers that were lost: of each, the index of its stream, its number, its payload, and
# how often it was delivered.
CLAIM = """
local claimed = {}
for index, key in ipairs(KEYS) do
  local cursor, room = '0-0', tonumber(ARGV[4])
  repeat
    local found = redis.pcall('XAUTOCLAIM', key, ARGV[1], ARGV[2], ARGV[3], cursor, 'COUNT', room)
    if found.err then break end
    for _, entry in ipairs(found[2]) do
      local held = redis.call('XPENDING', key, ARGV[1], entry[1], entry[1], 1)
      local payload = ''
      for part = 1, #entry[2], 2 do
        if entry[2][part] == ARGV[5] then payload = entry[2][part + 1] end
      end
      claimed[#claimed + 1] = {index - 1, entry[1], payload, held[1][4]}
      room = room - 1
    end
    cursor = found[1]
  until cursor == '0-0' or room <= 0
end
return claimed
"""

# KEYS stream; ARGV group, consumer, idle time in ms to set, entries. How many are still this consumer's.
# Only those are touched: what another worker has claimed meanwhile stays with that one.
SET_IDLE = """
local ours = 0
for index = 4, #ARGV do
  local held = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[index], ARGV[index], 1, ARGV[2])
  if not held.err and #held > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[index], 'IDLE', ARGV[3], 'JUSTID')
    ours = ours + 1
  end
end
return ours
"""

# KEYS stream; ARGV group, consumer or '', least idle time in ms. Deletes that consumer, or all that have
# been idle so long, where they hold nothing: deleting one that does would lose its jobs. How many are gone.
FORGET_CONSUMERS = """
local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])
if consumers.err then return 0 end
local gone = 0
for _, consumer in ipairs(consumers) do
  local name, pending, idle = consumer[2], consumer[4], consumer[6]
  if pending == 0 and (name == ARGV[2] or (ARGV[2] == '' and idle > tonumber(ARGV[3]))) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], name)
    gone = gone + 1
  end
end
return gone
"""

# KEYS own registry, the other registry; ARGV own name, status. Writes a heartbeat, and deletes members whose
# last one is over a minute old, or has no time, or one in the future. A key that holds something of another
# type is deleted: it would fail this for everybody and for ever. Returns the time in ms, and both registries
# in the order of KEYS.
HEARTBEAT = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for _, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok ~= 'hash' then redis.call('DEL', key) end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', now) .. ARGV[2])
local own = redis.call('HGETALL', KEYS[1])
for index = 1, #own, 2 do
  local stamp = tonumber(string.match(own[index + 1], '^%d+ ') or -1)
  if math.abs(now - stamp) > 60000 then
    redis.call('HDEL', KEYS[1], own[index])
  end
end
return {string.format('%.0f', now), own, redis.call('HGETALL', KEYS[2])}
"""

# KEYS job streams; ARGV group. Of each: how many wait, how many are held, how long the oldest has waited, ms.
# A key of another type is deleted, as above.
QUEUES = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local queues = {}
for index, key in ipairs(KEYS) do
  if redis.call('TYPE', key).ok ~= 'stream' then redis.call('DEL', key) end
  local held, last, oldest = 0, '-', 0
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  if not groups.err and #groups > 0 then
    held = groups[1][6]
    last = '(' .. groups[1][8]
  end
  local first = redis.call('XRANGE', key, last, '+', 'COUNT', 1)[1]
  if first then oldest = now - tonumber(string.match(first[1], '^%d+')) end
  queues[index] = {redis.call('XLEN', key) - held, held, oldest}
end
return queues
"""

# KEYS streams; ARGV group. How many entries of each no consumer has.
WAITING = """
local waiting = {}
for index, key in ipairs(KEYS) do
  local held, groups = 0, redis.pcall('XINFO', 'GROUPS', key)
  if not groups.err then
    for _, group in ipairs(groups) do
      if group[2] == ARGV[1] then held = group[6] end
    end
  end
  local length = redis.pcall('XLEN', key)
  waiting[index] = type(length) == 'number' and length - held or 0
end
return waiting
"""
