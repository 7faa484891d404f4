-- What wrk sends to /track: exposures of 2 experiments with 2 variants each, in turns.
--
--   wrk … -s events.lua URL -- new            an idempotency key of its own for each
--   wrk … -s events.lua URL -- POOL           the same POOL keys for each variant, over and over
--   wrk … -s events.lua URL -- path           no events: the URL itself, over and over
--
-- Ends with one line of JSON.

local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("id", threads)
end

function init(args)
  pool = tonumber(args[1])
  fixed = args[1] == "path" and wrk.format("GET")
  sent = id * 1013 -- threads walk through a pool apart from each other
  heads = {}
  for _, experiment in ipairs({ "button+color", "headline" }) do
    for _, variant in ipairs({ "blue", "red" }) do
      local query = "?experiment=" .. experiment .. "&variant=" .. variant .. "&event=participate&uuid="
      heads[#heads + 1] = "GET " .. wrk.path .. query
    end
  end
  tail = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] .. "\r\n\r\n"
end

function request()
  if fixed then
    return fixed
  end
  local head = heads[sent % 4 + 1]
  local number = math.floor(sent / 4)
  sent = sent + 1
  local uuid = string.format("%08x-0000-4000-8000-%012x", pool and number % pool or number, pool and 0 or id)
  return head .. uuid .. tail
end

function done(summary, latency)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format('{"requests":%d,"seconds":%.6f,"p50":%.3f,"p99":%.3f,"failed":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, failed))
end
