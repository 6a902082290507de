-- Store patients of one partition if, and only if, nothing changed since they were read.
-- KEYS: applied, due, asked, then a key a patient.
-- ARGV: expected applied, new applied, offset in the requests up to which the cache knows them, then for each patient: expected version, new version, due ('' for none),
--       patient id, number of fields n, n pairs of field and value, number of removed fields m, m fields.
-- Returns 1 when stored, 0 when a patient changed, -1 when the cache is behind what it should hold.
local applied = tonumber(redis.call('GET', KEYS[1]) or '-1')
if not applied or applied < tonumber(ARGV[1]) then return -1 end -- no number: damaged, or being built
local at = 4
for k = 4, #KEYS do
  local version = redis.call('HGET', KEYS[k], '#version') or '0'
  if version ~= ARGV[at] then return 0 end
  at = at + 5 + 2 * tonumber(ARGV[at + 4])
  at = at + 1 + tonumber(ARGV[at])
end
at = 4
for k = 4, #KEYS do
  redis.call('HSET', KEYS[k], '#version', ARGV[at + 1])
  if ARGV[at + 2] == '' then redis.call('ZREM', KEYS[2], ARGV[at + 3])
  else redis.call('ZADD', KEYS[2], ARGV[at + 2], ARGV[at + 3]) end
  local pairs_ = tonumber(ARGV[at + 4])
  for p = 0, pairs_ - 1 do redis.call('HSET', KEYS[k], ARGV[at + 5 + 2 * p], ARGV[at + 6 + 2 * p]) end
  at = at + 5 + 2 * pairs_
  local gone = tonumber(ARGV[at])
  for g = 1, gone do redis.call('HDEL', KEYS[k], ARGV[at + g]) end
  at = at + 1 + gone
end
if tonumber(ARGV[2]) > applied then redis.call('SET', KEYS[1], ARGV[2]) end
if tonumber(ARGV[3]) > (tonumber(redis.call('GET', KEYS[3]) or '0') or 0) then redis.call('SET', KEYS[3], ARGV[3]) end
return 1
