#include "sim/violations.h"

#include "sim/json_writer.h"

namespace evergate::sim {

void violations::add(violation what) {
  what.number = ++next_;
  if (!what.info) ++breaches_;
  ++by_kind_[what.kind];
  kept_.push_back(std::move(what));
  if (kept_.size() > kept_max_) kept_.pop_front();
}

std::uint64_t violations::count(std::string_view kind) const {
  const auto at = by_kind_.find(kind);
  return at == by_kind_.end() ? 0 : at->second;
}

void violations::write(std::string& out) const {
  json_writer json(out);
  json.begin_array();
  for (const auto& v : kept_) {
    json.begin_object();
    json.number("number", static_cast<std::int64_t>(v.number));
    json.time("time", v.at_ms);
    json.text("kind", v.kind);
    json.boolean("info", v.info);
    json.number("connection", static_cast<std::int64_t>(v.connection));
    json.text("session", v.session);
    json.text("text", v.text);
    json.end_object();
  }
  json.end_array();
}

}  // namespace evergate::sim
