#include "sim/rest_api.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <vector>

namespace evergate::sim {
namespace {

constexpr std::size_t body_kept_max = 4096;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (const auto part = path.substr(0, slash); !part.empty()) out.push_back(part);
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return out;
}

http_reply refusal(unsigned status, std::string_view message, int code) {
  http_reply out{.status = status};
  json_writer json(out.body);
  json.begin_object();
  json.text("message", message);
  json.number("code", code);
  json.end_object();
  return out;
}

}  // namespace

http_reply rest_api::gateway_bot(std::int64_t now_ms) {
  http_reply out;
  json_writer json(out.body);
  json.begin_object();
  json.text("url", core_.gateway_url());
  json.number("shards", core_.options().shards);
  json.object("session_start_limit");
  json.number("total", core_.options().identify_total);
  json.number("remaining", core_.identifies_left(now_ms));
  json.number("reset_after", core_.identify_reset_ms(now_ms));
  json.number("max_concurrency", core_.options().max_concurrency);
  json.end_object();
  json.end_object();
  return out;
}

http_reply rest_api::post_message(std::string_view channel, std::string_view body, std::int64_t now_ms) {
  snowflake id = 0;
  const auto [end, failure] = std::from_chars(channel.data(), channel.data() + channel.size(), id);
  if (failure != std::errc{} || end != channel.data() + channel.size())
    return refusal(400, "Invalid Form Body", 50035);
  const auto message = nlohmann::json::parse(body, nullptr, false);
  if (!message.is_object()) return refusal(400, "Invalid Form Body", 50035);
  const auto content = message.find("content");
  const std::string text =
      content != message.end() && content->is_string() ? content->get<std::string>() : "";
  auto object = core_.post_message(id, text, now_ms);
  if (!object) return refusal(404, "Unknown Channel", 10003);
  return {.body = std::move(*object)};
}

http_reply rest_api::put_commands(std::string_view body) {
  auto commands = nlohmann::json::parse(body, nullptr, false);
  if (!commands.is_array()) return refusal(400, "Invalid Form Body", 50035);
  std::uint64_t number = core_.options().world.bot + 1;
  for (auto& command : commands) {
    if (!command.is_object()) return refusal(400, "Invalid Form Body", 50035);
    command["id"] = std::to_string(number++);
    command["application_id"] = std::to_string(core_.options().world.bot);
    command["version"] = "1";
    if (!command.contains("type")) command["type"] = 1;
    if (!command.contains("default_member_permissions")) command["default_member_permissions"] = nullptr;
  }
  return {.body = commands.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

http_reply rest_api::answer(std::string_view method, std::string_view path, bool authorized,
                            std::string_view body, std::int64_t now_ms, std::string& route) {
  auto parts = split(path);
  if (parts.empty() || parts.front() != "api") return refusal(404, "404: Not Found", 0);
  parts.erase(parts.begin());
  if (!parts.empty() && (parts.front() == "v10" || parts.front() == "v9")) parts.erase(parts.begin());
  std::string joined;
  for (const auto part : parts) (joined += joined.empty() ? "" : "/") += part;
  if (auto fault = core_.rest_fault(joined)) {
    route = std::string(method) + " " + joined;
    const bool html = fault->body.starts_with('<');
    http_reply failed = refusal(fault->status, std::to_string(fault->status) + ": simulated failure", 0);
    if (!fault->body.empty()) failed.body = std::move(fault->body);
    if (html) failed.content_type = "text/html";
    return failed;
  }
  const auto is = [&](std::string_view wanted_method, std::string_view pattern) {
    const auto wanted = split(pattern);
    if (method != wanted_method || wanted.size() != parts.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i] != "*" && wanted[i] != parts[i]) return false;
    }
    route = std::string(method) + " " + std::string(pattern);
    return true;
  };
  if (is("GET", "gateway")) return {.body = "{\"url\":\"" + core_.gateway_url() + "\"}"};
  if (is("POST", "interactions/*/*/callback"))
    return {.status = 204};  // the token in the path is the right to it
  if (is("POST", "webhooks/*/*") || is("PATCH", "webhooks/*/*/messages/*") ||
      is("GET", "webhooks/*/*/messages/*")) {
    return {.body = R"({"id":"1","channel_id":"1","type":0,"content":"","embeds":[],"attachments":[]})"};
  }
  if (!authorized) return refusal(401, "401: Unauthorized", 0);
  if (is("GET", "gateway/bot")) return gateway_bot(now_ms);
  if (is("GET", "users/@me")) {
    http_reply out;
    json_writer json(out.body);
    write_own_user(json, core_.world().bot());
    return out;
  }
  if (is("GET", "applications/@me") || is("GET", "oauth2/applications/@me")) {
    const std::string id = std::to_string(core_.options().world.bot);
    return {.body = "{\"id\":\"" + id +
                    R"(","name":"Simulated bot","icon":null,"description":"","bot_public":true,)"
                    R"("bot_require_code_grant":false,"verify_key":"00","flags":27828224,"team":null})"};
  }
  if (is("PUT", "applications/*/commands") || is("PUT", "applications/*/guilds/*/commands"))
    return put_commands(body);
  if (is("GET", "applications/*/commands")) return {.body = "[]"};
  if (is("POST", "channels/*/messages")) return post_message(parts[1], body, now_ms);
  return refusal(404, "404: Not Found", 0);
}

http_reply rest_api::handle(std::string_view method, std::string_view path, std::string_view authorization,
                            std::string_view body, std::int64_t now_ms) {
  const bool authorized = authorization.starts_with("Bot ") && core_.options().token.matches(authorization);
  std::string route = "unknown";
  http_reply out = answer(method, path, authorized, body, now_ms, route);
  ++calls_;
  ++by_route_[route];
  kept_.push_back({now_ms, std::string(method), std::move(route), std::string(path.substr(0, body_kept_max)),
                   std::string(body.substr(0, body_kept_max)), out.status});
  if (kept_.size() > core_.options().rest_calls_max) kept_.pop_front();
  return out;
}

void rest_api::write(std::string& out) const {
  json_writer json(out);
  json.begin_object();
  json.object("routes");
  for (const auto& [route, count] : by_route_) json.number(route, static_cast<std::int64_t>(count));
  json.end_object();
  json.array("calls");
  for (const auto& c : kept_) {
    json.begin_object();
    json.time("time", c.at_ms);
    json.text("method", c.method);
    json.text("route", c.route);
    json.text("path", c.path);
    json.number("status", c.status);
    json.text("body", c.body);
    json.end_object();
  }
  json.end_array();
  json.end_object();
}

}  // namespace evergate::sim
