#include "sim/fault_request.h"

#include <algorithm>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <vector>

namespace evergate::sim {
namespace {

using nlohmann::json;

constexpr std::int64_t ms_max = 86'400'000;
constexpr std::int64_t times_max = 1'000'000;
constexpr std::int64_t at_once_max = 1000;
constexpr std::int64_t huge_bytes_max = std::int64_t{128} << 20;

// Takes one key after the other; the first thing that is wrong stays.
class reader {
 public:
  explicit reader(const json& body) : body_(body) {}

  std::optional<std::int64_t> number(const char* key, std::int64_t least, std::int64_t most) {
    const json* value = take(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_number_integer() &&
        !(value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX)) {
      const auto given = value->get<std::int64_t>();
      if (given >= least && given <= most) return given;
    }
    wrong(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return std::nullopt;
  }
  std::int64_t needed_number(const char* key, std::int64_t least, std::int64_t most) {
    need(key, "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return number(key, least, most).value_or(least);
  }
  std::optional<std::string> text(const char* key, const char* allowed) {
    const json* value = take(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_string() && (!value->get_ref<const std::string&>().empty()))
      return value->get<std::string>();
    wrong(key, allowed);
    return std::nullopt;
  }
  std::optional<std::size_t> one_of(const char* key, std::initializer_list<const char*> choices) {
    std::string allowed;
    for (const char* choice : choices)
      (allowed += allowed.empty() ? "\"" : ", \"") += choice + std::string("\"");
    const auto given = text(key, allowed.c_str());
    if (!given) return std::nullopt;
    const auto at = std::ranges::find(choices, *given);
    if (at != choices.end()) return static_cast<std::size_t>(at - choices.begin());
    wrong(key, allowed);
    return std::nullopt;
  }
  std::optional<bool> flag(const char* key) {
    const json* value = take(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_boolean()) return value->get<bool>();
    wrong(key, "true or false");
    return std::nullopt;
  }
  void need(const char* key, const std::string& allowed) {
    if (problem_.empty() && !body_.contains(key))
      problem_ = std::string(key) + " is missing; allowed: " + allowed;
  }
  void wrong(std::string_view key, std::string_view allowed) {
    if (!problem_.empty()) return;
    const auto at = body_.find(key);
    problem_ = std::string(key) + " cannot be " +
               (at == body_.end() ? "absent" : at->dump(-1, ' ', true, json::error_handler_t::replace)) +
               "; allowed: " + std::string(allowed);
  }
  /// What is wrong; keys that nobody asked for too.
  std::string finish() {
    for (const auto& [key, value] : body_.items()) {
      if (std::ranges::find(known_, key) != known_.end() || !problem_.empty()) continue;
      problem_ = key + " is not a key of this kind; allowed: ";
      for (std::size_t i = 0; i < known_.size(); ++i) (problem_ += i == 0 ? "" : ", ") += known_[i];
    }
    return problem_;
  }

 private:
  const json* take(const char* key) {
    known_.emplace_back(key);
    const auto at = body_.find(key);
    return at == body_.end() ? nullptr : &*at;
  }

  const json& body_;
  std::vector<std::string> known_;
  std::string problem_;
};

std::string all_kinds() {
  std::string out;
  for (std::size_t i = 0; i < fault_kinds; ++i)
    (out += out.empty() ? "" : ", ") += name_of(static_cast<fault_kind>(i));
  return out;
}

std::uint16_t close_code(reader& in) {
  const auto code = in.number("code", 0, 4999).value_or(4000);
  if (code != 0 && code < 1000) in.wrong("code", "0 (no close frame) or 1000 to 4999");
  return static_cast<std::uint16_t>(code);
}

void read_url(reader& in, fault_order& order) {
  constexpr const char* allowed = "ws:// or wss:// and a host; or how instead of url";
  order.url = in.text("url", allowed).value_or("");
  if (!order.url.empty() && !order.url.starts_with("ws://") && !order.url.starts_with("wss://"))
    in.wrong("url", allowed);
  const auto how = in.one_of("how", {"dead", "silent", "unknown_name"});
  if (how) order.to = static_cast<dead_end>(*how + 1);
  if (how && !order.url.empty()) in.wrong("url", "either url or how");
  if (!how && order.url.empty()) in.need("how", "\"dead\", \"silent\", \"unknown_name\"; or url");
}

void read_lag(reader& in, fault_order& order) {
  order.delay_ms = in.needed_number("lag_ms", 0, ms_max);
  order.jitter_ms = in.number("jitter_ms", 0, ms_max).value_or(0);
  order.sessions =
      static_cast<which_sessions>(in.one_of("sessions", {"all", "present", "later"}).value_or(0));
}

// The keys that only this kind has.
void read_own(reader& in, fault_order& order) {
  switch (order.kind) {
    case fault_kind::close:
    case fault_kind::close_after_identify:
    case fault_kind::close_after_resume:
      order.code = close_code(in);
      break;
    case fault_kind::op7:
      order.close_ms = in.number("close_ms", 0, ms_max);
      break;
    case fault_kind::op9:
      order.resumable = in.flag("resumable").value_or(false);
      break;
    case fault_kind::corrupt_frame:
      order.how = static_cast<damage>(static_cast<std::size_t>(damage::reserved_opcode) +
                                      in.one_of("how", {"opcode", "rsv", "length"}).value_or(0));
      break;
    case fault_kind::huge:
      order.bytes = static_cast<std::size_t>(in.needed_number("bytes", 1, huge_bytes_max));
      break;
    case fault_kind::late_ack:
    case fault_kind::slow_hello:
    case fault_kind::slow_upgrade:
      order.delay_ms = in.needed_number("delay_ms", 0, ms_max);
      break;
    case fault_kind::seq_jump:
      order.by = static_cast<std::uint32_t>(in.number("by", 1, 1'000'000).value_or(1));
      break;
    case fault_kind::drop_type:
      in.need("type", "an event's name, such as MESSAGE_CREATE");
      order.type = in.text("type", "an event's name, such as MESSAGE_CREATE").value_or("");
      break;
    case fault_kind::lag:
      read_lag(in, order);
      break;
    case fault_kind::refuse_upgrade:
    case fault_kind::rest_status:
      order.status = static_cast<unsigned>(in.needed_number("status", 400, 599));
      order.body = in.text("body", "a text").value_or("");
      break;
    case fault_kind::resume_host:
    case fault_kind::gateway_url:
      read_url(in, order);
      break;
    default:
      break;
  }
}

void read_rest_path(reader& in, fault_order& order) {
  auto path = in.text("path", "a REST path below /api/v10, such as /gateway/bot");
  if (!path) return;
  path->erase(0, path->find_first_not_of('/'));
  order.rest_path = std::move(*path);
}

}  // namespace

std::variant<fault_order, std::string> read_fault(const json& body) {
  if (!body.is_object()) return "the body is not a JSON object";
  reader in(body);
  in.need("kind", all_kinds());
  const auto name = in.text("kind", all_kinds().c_str());
  const auto kind = name ? fault_named(*name) : std::nullopt;
  if (!kind) {
    in.wrong("kind", all_kinds());
    return in.finish();
  }
  fault_order order{.kind = *kind};
  const bool lasting = *kind == fault_kind::drop_type || *kind == fault_kind::lag;
  order.times =
      static_cast<std::uint32_t>(waits(*kind) ? in.number("times", 0, times_max).value_or(lasting ? 0 : 1)
                                              : in.number("times", 1, at_once_max).value_or(1));
  if (!shardless(*kind)) {
    if (const auto shard = in.number("shard", 0, 65'535)) order.shard = static_cast<std::uint32_t>(*shard);
    if (const auto count = in.number("count", 1, 65'536)) order.count = static_cast<std::uint32_t>(*count);
  }
  if (*kind >= fault_kind::refuse_upgrade && *kind <= fault_kind::no_resumed) {
    order.path = static_cast<path_choice>(in.one_of("path", {"any", "main", "resume"}).value_or(0));
  }
  read_own(in, order);
  if (*kind == fault_kind::rest_status) read_rest_path(in, order);
  if (auto problem = in.finish(); !problem.empty()) return problem;
  return order;
}

}  // namespace evergate::sim
