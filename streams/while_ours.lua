-- Do these commands on the keys of one partition if, and only if, its mark still is that of whoever builds it.
-- KEYS: applied, then the key of each command.
-- ARGV: that mark, then for each command: its name, the number of its further arguments n, n arguments.
-- Returns 1 when done, 0 when another has taken the partition over.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local at = 2
for k = 2, #KEYS do
  local count = tonumber(ARGV[at + 1])
  redis.call(ARGV[at], KEYS[k], unpack(ARGV, at + 2, at + 1 + count))
  at = at + 2 + count
end
return 1
