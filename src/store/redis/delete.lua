-- Deletes counters of one experiment with all that is remembered under them, and the experiment
-- with its last counter.
--
-- KEYS 1 experiment's index  2 windows  3 its variants  4 its copy; on one Redis also 5 experiments  6
--      namespace's index  7 the store's namespaces  8… the namespace's index in other forms of its name; then
--      of each counter: counter, days, sums, deleted; then the sets that had room, then those that were full
-- ARGV 1 window in milliseconds, or 'forever'  2 the experiment as a set member  3 'here' where KEYS has
--      5 to 7  4 how many counters  5 how many sets that had room  6 the namespace as a set member  7 which
--      of KEYS is the first counter's  8… the windows known
-- returns how many counters there were, or -1 where there may be more sets by now: look again

local FULL = 511

local here = ARGV[3] == 'here'
local counters = tonumber(ARGV[7])
local sets = counters + 4 * tonumber(ARGV[4])

local known = {}
for i = 8, #ARGV do
  known[ARGV[i]] = true
end
for _, window in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if not known[window] then
    return -1
  end
end
for i = sets, sets + tonumber(ARGV[5]) - 1 do
  if redis.call('SCARD', KEYS[i]) >= FULL then
    return -1
  end
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local count = 0
for i = counters, sets - 1, 4 do
  count = count + redis.call('SREM', KEYS[1], KEYS[i])
  if here then
    redis.call('SREM', KEYS[6], KEYS[i])
  end
  redis.call('DEL', KEYS[i], KEYS[i + 1], KEYS[i + 2])
  -- Flags cannot be found from here; this voids those from before. It is the name of the deletion,
  -- later than that of the last one even where the clock was set back. Once the window has passed,
  -- there are none left.
  local last = string.match(redis.call('GET', KEYS[i + 3]) or '', '^%d+')
  local at = string.format('%.0f', math.max(now, (tonumber(last) or 0) + 1))
  if ARGV[1] == 'forever' then
    redis.call('SET', KEYS[i + 3], at .. ' forever')
  else
    redis.call('SET', KEYS[i + 3], at .. ' ' .. ARGV[1], 'PX', ARGV[1])
  end
end
for i = sets, #KEYS do
  redis.call('UNLINK', KEYS[i])
end
redis.call('DEL', KEYS[3])
if redis.call('SCARD', KEYS[1]) == 0 then
  redis.call('DEL', KEYS[2], KEYS[4])
  if here then
    redis.call('SREM', KEYS[5], ARGV[2])
  end
end
-- With its last counter, a namespace gives its place to others.
local empty = here and redis.call('EXISTS', KEYS[6]) == 0
for i = 8, here and counters - 1 or 0 do
  empty = empty and redis.call('EXISTS', KEYS[i]) == 0
end
if empty then
  redis.call('SREM', KEYS[7], ARGV[6])
end
return count
