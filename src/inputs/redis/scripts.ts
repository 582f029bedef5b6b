/**
 * Moves a consumer group forward to an id, and creates the group if it is missing. Ids are 64-bit numbers, which Lua
 * does not have: the script compares decimal digits, by length first.
 */
export const MOVE_GROUP: string = `
local function parts(id) return string.match(id, '^(%d+)-(%d+)$') end
local function less(a, b) if #a ~= #b then return #a < #b end return a < b end
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then return 0 end
for _, group in ipairs(groups) do
  local told = {}
  for i = 1, #group, 2 do told[group[i]] = group[i + 1] end
  if told['name'] == ARGV[1] then
    local time, number = parts(told['last-delivered-id'])
    local newTime, newNumber = parts(ARGV[2])
    if less(time, newTime) or (time == newTime and less(number, newNumber)) then
      redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], ARGV[2])
      return 1
    end
    return 0
  end
end
redis.call('XGROUP', 'CREATE', KEYS[1], ARGV[1], ARGV[2])
return 1
`

/** Counts the entries after an id, up to a limit. */
export const COUNT_AFTER: string = `
return #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
`
