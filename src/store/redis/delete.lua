-- Deletes counters of one experiment, and the experiment with its last one.
--
-- KEYS 1 experiments  2 namespace's index  3 experiment's index, then of each counter: counter, days, deleted
-- ARGV 1 window in milliseconds, or '' for one without end  2 the experiment as a set member
-- returns how many counters there were

local time = redis.call('TIME')
local now = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local count = 0
for i = 4, #KEYS, 3 do
  count = count + redis.call('SREM', KEYS[3], KEYS[i])
  redis.call('SREM', KEYS[2], KEYS[i])
  redis.call('DEL', KEYS[i], KEYS[i + 1])
  -- The flags cannot be found from here; this says from when on they are void. Once the window
  -- has passed there are none left.
  if ARGV[1] == '' then
    redis.call('SET', KEYS[i + 2], now .. ' ')
  else
    redis.call('SET', KEYS[i + 2], now .. ' ' .. ARGV[1], 'PX', ARGV[1])
  end
end
if redis.call('SCARD', KEYS[3]) == 0 then
  redis.call('SREM', KEYS[1], ARGV[2])
end
return count
