-- Each request holds 50 words drawn anew, so that no two prompts are alike.
local words = {}
for word in ([[the a customer order parcel invoice payment account login password error page button
server request answer token model price cost budget time day week month report table column row query
index cache memory disk network latency error retry limit user team project file folder line function
class method variable test case suite release version branch commit change review question summary list
please explain write find compare describe translate summarize check count sort plan estimate when where
how why which what is are was were has have should could would can not only also very more less than
before after between during without within about against fast slow large small new old first last next]]):gmatch("%S+") do
  words[#words + 1] = word
end
local headers = {
  ["content-type"] = "application/json",
  ["x-api-key"] = os.getenv("BENCH_KEY") or "bench",
  ["anthropic-version"] = "2023-06-01",
}
local head = '{"model":"claude-haiku-4-5","max_tokens":64,"messages":[{"role":"user","content":"'
math.randomseed(20261123)
function request()
  local prompt = {}
  for i = 1, 50 do prompt[i] = words[math.random(#words)] end
  return wrk.format("POST", "/v1/messages", headers, head .. table.concat(prompt, " ") .. '?"}]}')
end
