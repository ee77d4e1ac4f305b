#include "admin/operation.h"

#include <algorithm>
#include <set>
#include <utility>

#include "admin/json_writer.h"

namespace evergate::admin {
namespace {

/// Takes what comes before the next '/' off the front.
std::string_view segment(std::string_view& path) {
  const auto end = std::min(path.find('/'), path.size());
  const auto out = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return out;
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

void write_parameters(const operation& one, json_writer& out) {
  out.array("parameters");
  for (const auto& given : one.parameters) {
    if (given.where == parameter::place::body) continue;
    out.object().put("name", given.name);
    out.put("in", given.where == parameter::place::path ? "path" : "query");
    out.put("required", given.required).put("description", given.help);
    out.object("schema").put("type", given.type).end().end();
  }
  out.end();
}

void write_body(const operation& one, json_writer& out) {
  std::vector<std::string> required;
  const auto in_body = [](const parameter& given) { return given.where == parameter::place::body; };
  if (std::ranges::none_of(one.parameters, in_body)) return;
  out.object("requestBody").object("content").object("application/json").object("schema");
  out.put("type", "object").object("properties");
  for (const auto& given : one.parameters) {
    if (!in_body(given)) continue;
    out.object(given.name).put("type", given.type).put("description", given.help).end();
    if (given.required) required.push_back(given.name);
  }
  out.end();
  if (!required.empty()) {
    out.array("required");
    for (const auto& name : required) out.put(name);
    out.end();
  }
  out.end().end().end().end();
}

void write_responses(json_writer& out) {
  out.object("responses");
  out.object("200").put("description", "Done").object("content").object("application/json");
  out.object("schema").put("type", "object").end().end().end().end();
  const std::pair<const char*, const char*> failures[] = {
      {"400", "A parameter that is missing, or not what is allowed"},
      {"401", "No token, or a wrong one"},
      {"404", "Nothing of that name"},
      {"409", "Not as things stand now"},
      {"413", "The body is larger than 64 KiB"},
      {"500", "It failed; the message says why"}};
  for (const auto& [status, meaning] : failures) {
    out.object(status).put("description", meaning).object("content").object("application/json");
    out.object("schema").put("$ref", "#/components/schemas/error").end().end().end().end();
  }
  out.end();
}

}  // namespace

answer failure(unsigned status, std::string_view code, std::string_view message) {
  json_writer out;
  out.object().object("error").put("code", code).put("message", message).end().end();
  return {status, out.take()};
}

std::optional<std::map<std::string, std::string, std::less<>>> match(const operation& one,
                                                                     std::string_view path) {
  std::map<std::string, std::string, std::less<>> out;
  std::string_view pattern = one.path;
  while (!pattern.empty() && !path.empty()) {
    const auto wanted = segment(pattern);
    const auto given = segment(path);
    if (wanted.starts_with('{')) {
      if (given.empty()) return std::nullopt;
      out.emplace(wanted.substr(1, wanted.size() - 2), given);
    } else if (wanted != given) {
      return std::nullopt;
    }
  }
  if (!pattern.empty() || !path.empty()) return std::nullopt;
  return out;
}

std::string openapi(const std::vector<operation>& all) {
  json_writer out;
  out.object().put("openapi", "3.1.0");
  out.object("info").put("title", "Evergate admin API").put("version", "1");
  out.put(
      "description",
      "Bearer token: admin.token, admin.token_file, or the file admin.token in data_dir. Times are RFC 3339, "
      "durations as in the configuration (\"30s\").");
  out.end();
  out.array("security").object().array("token").end().end().end();
  out.object("paths");
  std::set<std::string> paths;
  for (const auto& one : all) {
    if (!paths.insert(one.path).second) continue;
    out.object(one.path);
    for (const auto& other : all) {
      if (other.path != one.path) continue;
      out.object(lower(other.method)).put("operationId", other.id).put("summary", other.summary);
      write_parameters(other, out);
      write_body(other, out);
      write_responses(out);
      out.end();
    }
    out.end();
  }
  out.end();
  out.object("components").object("securitySchemes").object("token");
  out.put("type", "http").put("scheme", "bearer").end().end();
  out.object("schemas").object("error").put("type", "object").object("properties").object("error");
  out.put("type", "object").object("properties");
  out.object("code").put("type", "string").end().object("message").put("type", "string").end();
  out.end().end().end().end().end().end().end();
  return out.take();
}

}  // namespace evergate::admin
