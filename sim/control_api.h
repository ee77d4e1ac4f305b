// Commands to the simulator and questions about it, without I/O. Two answers need the shell: an emission
// that takes several turns, and the end of the program. One thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "sim/discord.h"
#include "sim/http_reply.h"
#include "sim/rest_api.h"

namespace evergate::sim {

struct control_request {
  std::string_view method;
  std::string_view path;
  std::function<std::optional<std::string>(std::string_view)> query;
  std::string_view body;
};

/// To be carried out by the shell over several turns, then answered with {"emitted":n}.
struct emit_job {
  std::uint64_t count = 0;
  std::string type;
};

/// Keep what is sent from now on, or send it; the latter is answered when it has left.
struct hold_wish {};
struct pour_wish {};

struct quit_wish {};

class control_api {
 public:
  control_api(discord& core, rest_api& rest) : core_(core), rest_(rest) {}
  using outcome = std::variant<http_reply, emit_job, hold_wish, pour_wish, quit_wish>;

  [[nodiscard]] outcome handle(const control_request& request, std::int64_t now_ms);

 private:
  [[nodiscard]] outcome command(const control_request& request, std::string_view verb, std::int64_t now_ms);
  [[nodiscard]] http_reply fault(const nlohmann::json& body, std::int64_t now_ms);
  [[nodiscard]] http_reply question(const control_request& request, std::string_view subject,
                                    std::int64_t now_ms);
  [[nodiscard]] http_reply status(std::int64_t now_ms);
  [[nodiscard]] http_reply guild_truth(const control_request& request, std::string_view id);
  [[nodiscard]] http_reply guild_list(const control_request& request);
  [[nodiscard]] http_reply compare(const control_request& request);

  discord& core_;
  rest_api& rest_;
};

}  // namespace evergate::sim
