-- On a cluster: enters a counter in its namespace's indexes, before it is made elsewhere.
--
-- KEYS 1 experiments  2 namespace's index
-- ARGV 1 the counter  2 the experiment as a set member  3 how many counters a namespace may have
--      4 whether the namespace is the configured one or has its place among those of the store: 'yes' or
--      'no'
-- returns 1 registered, 0 it was registered already, -1 refused as one counter too many, -6 enter the namespace first

local is_new = redis.call('SISMEMBER', KEYS[2], ARGV[1]) == 0
if is_new then
  local counters = redis.call('SCARD', KEYS[2])
  if counters == 0 and ARGV[4] == 'no' then
    return -6
  end
  if counters >= tonumber(ARGV[3]) then
    return -1
  end
  redis.call('SADD', KEYS[2], ARGV[1])
end
redis.call('SADD', KEYS[1], ARGV[2])
return is_new and 1 or 0
