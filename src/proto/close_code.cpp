#include "proto/close_code.h"

namespace evergate::proto {
namespace {

using enum close_verdict;

constexpr close_meaning meanings[] = {
    // Discord documents no resumability after 1000 and 1001; a RESUME costs nothing, op 9 tells the truth. It
    // is tried at once, since Discord's replay buffer fills meanwhile; repeats back off like any other.
    {1000, resume, "the server closed normally"},
    {1001, resume, "the server is going away"},
    {1005, resume, "closed without a code"},
    {1006, resume, "the connection broke"},
    {4000, resume, "unknown error"},
    {4001, resume, "Discord did not know an opcode or payload that was sent"},
    {4002, resume, "Discord could not decode a payload or it was over 4096 bytes"},
    {4003, identify, "sent before IDENTIFY, or the session was invalidated"},
    {4004, fatal, "the bot token is not accepted: set the right token"},
    {4005, identify, "identified twice on one connection"},
    {4006, identify, "the session is no longer valid"},  // undocumented; third parties saw it so
    {4007, identify, "the sequence number of RESUME was not accepted"},
    {4008, resume_later, "payloads were sent too fast"},
    {4009, resume_once, "the session timed out"},
    {4010, fatal,
     "the shard [id, count] is not accepted: check the number of shards (large bots need a multiple)"},
    {4011, fatal, "sharding is required: raise the number of shards"},
    {4012, fatal, "the gateway version is not accepted"},
    {4013, fatal, "the intents are not valid: check the intents"},
    {4014, fatal, "privileged intents are not allowed for this bot: enable them in the developer portal"},
};

}  // namespace

close_meaning meaning_of_close(std::uint16_t code) noexcept {
  for (const auto& row : meanings) {
    if (row.code == code) return row;
  }
  return {code, resume, "a close code that is not documented"};
}

}  // namespace evergate::proto
