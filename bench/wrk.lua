-- Sends requests signed beforehand, each once: the file's first line is "STRIDE COUNT", then the requests, all of one length.
-- When the file is used up, wrk stops: a request sent twice would be a replay.
local file, stride, left

function init(args)
  file = assert(io.open(args[1], "rb"))
  stride, left = file:read("*n"), file:read("*n")
  file:read(1)
end

function request()
  if left == 0 then
    wrk.thread:stop()
    return ""
  end
  left = left - 1
  return file:read(stride)
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    latency.max / 1e3, errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
