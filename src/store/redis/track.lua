-- Counts one event, once: the whole of it is one atomic step.
--
-- KEYS 1 flag  2 counter  3 days  4 deleted  5 experiments  6 namespace's index  7 experiment's index
-- ARGV 1 window in milliseconds, or '' to remember for ever  2 the experiment as a set member
-- returns 1 when counted, 0 for a duplicate

local window = tonumber(ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- A flag from before the counter was deleted remembers nothing. When it was set follows from the
-- time it has left: Python lamed's flags say no more. Of two possible windows the shorter is
-- taken, which dates the flag later and so never counts an event twice. (Systems that share a Redis
-- must share their window: a flag that another one set with a shorter window seems older here.)
local function outlived(left)
  local deleted = redis.call('GET', KEYS[4])
  if not deleted then
    return false
  end
  local at, window_then = string.match(deleted, '^(%d+) (%d*)$')
  at, window_then = tonumber(at), tonumber(window_then)
  if left == -1 then
    return tonumber(redis.call('GET', KEYS[1])) < at
  end
  local shorter = math.min(window or math.huge, window_then or math.huge)
  return shorter < math.huge and now - shorter + left < at
end

local left = redis.call('PTTL', KEYS[1])
if left ~= -2 and not outlived(left) then
  return 0
end

-- In this order, a wrong-typed key in the way stops the script before anything is counted or after
-- all of it is: never with a flag set and no count.
if redis.call('SISMEMBER', KEYS[7], KEYS[2]) == 0 then
  if redis.call('EXISTS', KEYS[2]) == 0 then
    redis.call('DEL', KEYS[3]) -- Python lamed's delete leaves the days.
  end
  redis.call('SADD', KEYS[5], ARGV[2])
  redis.call('SADD', KEYS[6], KEYS[2])
  redis.call('SADD', KEYS[7], KEYS[2])
end
redis.call('INCR', KEYS[2])
if window then
  redis.call('SET', KEYS[1], '1', 'PX', ARGV[1])
else
  redis.call('SET', KEYS[1], string.format('%.0f', now))
end
redis.call('HINCRBY', KEYS[3], math.floor(time[1] / 86400), 1)
return 1
