-- On a cluster: enters a namespace among those of the store, before it has its first counter elsewhere.
--
-- KEYS 1 the store's namespaces
-- ARGV 1 the namespace as a set member  2 how many namespaces a store may have
-- returns 1 entered, -4 refused as one namespace too many

if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  if redis.call('SCARD', KEYS[1]) >= tonumber(ARGV[2]) then
    return -4
  end
  redis.call('SADD', KEYS[1], ARGV[1])
end
return 1
