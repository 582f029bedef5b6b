/**
 * Moves a consumer group to an id, unless it is there or further already; makes it where there is none. Redis compares
 * ids by number, Lua has no integers of 64 bits: decimal digits are compared by length first.
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

/** How many entries there are after an id, counted up to a limit. */
export const COUNT_AFTER: string = `
return #redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
`
