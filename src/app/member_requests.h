// Requests for members that this program waits for: gathers their chunks until the last, a refusal, or the
// end of patience. Owned by the application; thread-safe. Bounded by
// requests_max, or a few more when many threads ask at once.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "evergate/gateway_manager.h"
#include "flow/offset.h"
#include "proto/event_type.h"

namespace evergate::app {

class member_requests {
 public:
  using callback = gateway_manager::callback<guild_members>;
  static constexpr std::size_t requests_max = 10'000;

  /// The op 8 `d` of a request, with `nonce`; an error names what is wrong with it.
  [[nodiscard]] static base::result<std::string> payload(const member_request& what, std::string_view nonce);

  /// Waits for what comes past `head`; gives the nonce. Not when full().
  [[nodiscard]] std::string add(const member_request& what, callback done, flow::offset head,
                                base::instant now);
  /// A GUILD_MEMBERS_CHUNK or RATE_LIMITED for this program; false when nobody waits for it.
  [[nodiscard]] bool take(proto::event_type type, std::string_view d, base::instant now);
  /// Ends one with an error.
  void fail(const std::string& nonce, base::error why);
  /// Ends those that had nothing for longer than their patience. When to call again; nothing = nobody waits.
  [[nodiscard]] std::optional<base::instant> expire(base::instant now);
  void fail_all(const base::error& why);
  [[nodiscard]] bool empty() const;
  /// Nobody waits for anything at or before this; the largest offset when nobody waits.
  [[nodiscard]] flow::offset needed_after() const;
  [[nodiscard]] bool full() const;

 private:
  struct waiting {
    guild_members found;
    callback done;
    base::milliseconds patience{0};
    flow::offset since;
    base::instant until{};
    std::set<std::int64_t> chunks;
  };
  [[nodiscard]] waiting extract(std::map<std::string, waiting, std::less<>>::iterator at);

  mutable std::mutex mutex_;
  std::uint64_t next_ = 1;
  std::map<std::string, waiting, std::less<>> all_;
};

}  // namespace evergate::app
