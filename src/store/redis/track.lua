-- Counts one event, once: the whole of it is one atomic step.
--
-- KEYS 1 counter  2 days  3 deleted  4 flag  5 windows  6 experiment's index  7 its variants; on one
--      Redis also 8 experiments  9 namespace's index, and where the namespace is not the configured one
--      10 the store's namespaces  11… the namespace's index in other forms of its name; then the sets in
--      which the idempotency key may be remembered: for each window three slots (one if it has no end),
--      for each slot its levels; and last, where the event has a value, the sums
-- ARGV 1 'flags' or 'compact': how to remember it  2 for how long, in milliseconds, or 'forever'
--      3 its hash  4 how many levels  5 how many counters a namespace may have
--      6 'here' where KEYS has 8 and 9, else whether the counter is registered: 'yes' or 'no'
--      7 the experiment as a set member  8 how many variants an experiment may have, or '' where this
--      one is declared  9 how many namespaces a store may have  10 the namespace as a set member, or ''
--      where it is the configured one  11 which of KEYS is the first set  12 what the event is
--      worth: x and the two parts of x², or '' where it has no value  13… the windows whose sets KEYS has
-- returns 1 counted, 0 duplicate, -2 register the counter first, -3 more levels are needed, or a list
--      of windows whose sets are needed; refused as -1 one counter too many, -4 one namespace too many,
--      -5 one variant too many

local FULL = 511
local SLOTS = 3
local VARIANTS_KEPT = 86400000
local FIRST_WINDOW = 13

local compact = ARGV[1] == 'compact'
local window = tonumber(ARGV[2])
local hash, levels, home = ARGV[3], tonumber(ARGV[4]), ARGV[6]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Another window may have been in force, or still be elsewhere: its sets remember, too.
local missing = {}
for _, other in ipairs(redis.call('ZRANGE', KEYS[5], 0, -1)) do
  local given = false
  for i = FIRST_WINDOW, #ARGV do
    given = given or ARGV[i] == other
  end
  if not given then
    missing[#missing + 1] = other
  end
end
if #missing > 0 then
  return missing
end

-- The last deletion of the counter, by its name, and the window then.
local function deletion()
  return string.match(redis.call('GET', KEYS[3]) or '', '^(%d+) (%w*)$')
end

local left = redis.call('PTTL', KEYS[4])
if left ~= -2 then
  local at, window_then = deletion()
  if not at then
    return 0
  end
  -- A flag from before the counter was deleted remembers nothing. One that names the deletion is from after it,
  -- whatever the clock says.
  local flag = redis.call('GET', KEYS[4])
  if flag == at then
    return 0
  end
  if left == -1 then
    -- An earlier build wrote when it was set.
    if (tonumber(flag) or 0) >= tonumber(at) then
      return 0
    end
  elseif flag == '1' then
    -- Python lamed's, an earlier build's, or ours without a deletion before it: when it was set follows
    -- from the time it has left. Of two possible windows the shorter is taken, which dates the flag later
    -- and so never counts an event twice. (Systems that share a Redis must share their window: a flag that
    -- another set with a shorter one seems older here.) Where neither has an end, the flag is of an
    -- earlier config, and from before the deletion.
    local shorter = math.min(window or math.huge, tonumber(window_then) or math.huge)
    if shorter < math.huge and now - shorter + left >= tonumber(at) then
      return 0
    end
  end
end

-- Down each slot's tree, from full sets to the first that has room. Sets are forgotten by their
-- expiry alone, so all slots are asked: a clock that was set back forgets nothing.
local room, members
local first = tonumber(ARGV[11])
for i = FIRST_WINDOW, #ARGV do
  local length = tonumber(ARGV[i])
  local current = length and math.floor(now / length) % SLOTS or 0
  for slot = 0, length and SLOTS - 1 or 0 do
    for level = 0, levels do
      if level == levels then
        return -3
      end
      local set = KEYS[first + level]
      local size = redis.call('SCARD', set)
      if size > 0 and redis.call('SISMEMBER', set, hash) == 1 then
        return 0
      end
      if size < FULL then
        if slot == current and ARGV[i] == ARGV[2] then
          room, members = set, size
        end
        break
      end
    end
    first = first + levels
  end
end

local function variant_of(counter)
  return string.match(counter, '[^:]*$')
end

-- An experiment with fewer counters than it may have variants has room for one more: nothing is to be
-- counted. Else its variants are kept beside it, with the number of counters that they were taken from
-- under '': where that is another one by now, somebody else (Python lamed, say) has written or deleted.
local function has_room_for_variant()
  local most = tonumber(ARGV[8])
  local counters = redis.call('SCARD', KEYS[6])
  if not most or counters < most then
    return true
  end
  if redis.call('HGET', KEYS[7], '') ~= string.format('%d', counters) then
    redis.call('DEL', KEYS[7])
    redis.call('HSET', KEYS[7], '', counters)
    for _, counter in ipairs(redis.call('SMEMBERS', KEYS[6])) do
      redis.call('HSET', KEYS[7], variant_of(counter), 1)
    end
    redis.call('PEXPIRE', KEYS[7], VARIANTS_KEPT)
  end
  return redis.call('HLEN', KEYS[7]) - 1 < most or redis.call('HEXISTS', KEYS[7], variant_of(KEYS[1])) == 1
end

-- A namespace with counters is there, also where nobody entered it: an earlier lamed did not.
local function has_room_for_namespace()
  if ARGV[10] == '' or redis.call('EXISTS', KEYS[9]) == 1 or redis.call('SISMEMBER', KEYS[10], ARGV[10]) == 1 then
    return true
  end
  for i = 11, tonumber(ARGV[11]) - 1 do
    if redis.call('EXISTS', KEYS[i]) == 1 then
      return true
    end
  end
  if redis.call('SCARD', KEYS[10]) >= tonumber(ARGV[9]) then
    return false
  end
  redis.call('SADD', KEYS[10], ARGV[10])
  return true
end

if redis.call('SISMEMBER', KEYS[6], KEYS[1]) == 0 then
  if not has_room_for_variant() then
    return -5
  end
  if home == 'no' then
    return -2
  end
  local counters, kept = redis.call('SCARD', KEYS[6]), redis.call('HGET', KEYS[7], '')
  if home == 'here' then
    if redis.call('SCARD', KEYS[9]) >= tonumber(ARGV[5]) and redis.call('SISMEMBER', KEYS[9], KEYS[1]) == 0 then
      return -1
    end
    if not has_room_for_namespace() then
      return -4
    end
    redis.call('SADD', KEYS[8], ARGV[7])
    redis.call('SADD', KEYS[9], KEYS[1])
  end
  if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('DEL', KEYS[2]) -- Python lamed's delete leaves the days, and the sums.
    if ARGV[12] ~= '' then
      redis.call('DEL', KEYS[#KEYS])
    end
  end
  redis.call('SADD', KEYS[6], KEYS[1])
  if kept == string.format('%d', counters) then
    redis.call('HSET', KEYS[7], variant_of(KEYS[1]), 1, '', counters + 1)
  else
    redis.call('DEL', KEYS[7])
  end
end

-- Remembered first, so that nothing is counted that cannot be remembered. Where it then cannot be counted
-- (a wrong-typed key in the way, a user who may not), it is forgotten again.
local failure
local function done(...)
  local answer = redis.pcall(...)
  failure = type(answer) == 'table' and answer.err and answer or nil
  return not failure
end

local function remember()
  if not compact then
    -- Python lamed's 1, dated by the time it has left; where the clock is behind the last deletion, its name. A
    -- flag that does not expire always has the name, or the least of times.
    local at = deletion()
    local value = at or '0'
    if window and now >= (tonumber(at) or 0) then
      value = '1'
    end
    if window then
      return done('SET', KEYS[4], value, 'PX', ARGV[2])
    end
    return done('SET', KEYS[4], value)
  end
  if not done('SADD', room, hash) or members > 0 then
    return not failure
  end
  local expiry = '+inf'
  if window then
    expiry = string.format('%.0f', (math.floor(now / window) + 2) * window)
    if not done('PEXPIREAT', room, expiry) then
      return false
    end
  end
  return done('ZREMRANGEBYSCORE', KEYS[5], '-inf', string.format('(%.0f', now))
    and done('ZADD', KEYS[5], 'GT', expiry, ARGV[2])
end

-- What was added to hashes, so that it can be taken back. Numbers stay text: Lua's are not exact enough.
local added = {}
local function add(key, field, number)
  if number == '0' then
    return true
  end
  added[#added + 1] = done('HINCRBY', key, field, number) and { key, field, '-' .. number } or nil
  return not failure
end

local today = string.format('%d', math.floor(time[1] / 86400))
local function add_value()
  local x, high, low = string.match(ARGV[12], '^(%d+) (%d+) (%d+)$')
  return not x or add(KEYS[#KEYS], today, x) and add(KEYS[#KEYS], today .. ':h', high)
    and add(KEYS[#KEYS], today .. ':l', low)
end

if remember() and add(KEYS[2], today, '1') and add_value() and done('INCR', KEYS[1]) then
  return 1
end
local why = failure
for _, one in ipairs(added) do
  redis.pcall('HINCRBY', one[1], one[2], one[3])
end
if compact then
  redis.pcall('SREM', room, hash)
else
  redis.pcall('DEL', KEYS[4])
end
return why
