#include "app/configuration.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "app/consumer_options.h"
#include "app/errc.h"
#include "app/option_key.h"
#include "app/option_table.h"

namespace evergate {
namespace app {
namespace {

const option_row* row_of(std::string_view key) {
  const auto table = option_table();
  const auto found = std::ranges::find(table, key, &option_row::key);
  return found == table.end() ? nullptr : &*found;
}

base::result<option_value> value_of(const std::string& key, const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return option_value(flag->get());
  if (const auto* number = node.as_integer()) return option_value(number->get());
  if (const auto* text = node.as_string()) return option_value(text->get());
  if (const auto* time = node.as_date_time()) {
    std::ostringstream written;
    written << time->get();
    return option_value(written.str());
  }
  if (const auto* array = node.as_array()) {
    std::vector<std::string> words;
    for (const auto& element : *array) {
      if (const auto* word = element.as_string()) {
        words.push_back(word->get());
      } else if (const auto* number = element.as_integer()) {
        words.push_back(std::to_string(number->get()));
      } else {
        return base::fail(errc::bad_option, key + ": an array may hold strings and integers only");
      }
    }
    return option_value(std::move(words));
  }
  return base::fail(errc::bad_option,
                    key + ": must be a boolean, an integer, a string or an array of strings");
}

/// The values of a consumer's table and of the tables in it, by their keys below it.
base::result<void> gather(const toml::table& table, const std::string& consumer, const std::string& prefix,
                          given_table& out) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      if (auto gathered = gather(*inner, consumer, key + '.', out); !gathered) return gathered;
      continue;
    }
    auto value = value_of(fmt::format("consumers.{}.{}", consumer, key), node);
    if (!value) return std::unexpected(value.error());
    out.insert_or_assign(key, given_value{std::move(*value), node.source().begin.line});
  }
  return {};
}

/// What the file says beside the options of the application.
struct aside {
  std::string token_file;
  std::map<std::string, given_table> consumers;
};

base::result<void> apply_table(const toml::table& table, const std::string& prefix, gateway_options& out,
                               aside& beside) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table(); inner != nullptr && prefix == "consumers.") {
      const std::string consumer(name.str());
      if (auto gathered = gather(*inner, consumer, "", beside.consumers[consumer]); !gathered)
        return gathered;
      continue;
    }
    if (const auto* inner = node.as_table()) {
      if (auto applied = apply_table(*inner, key + '.', out, beside); !applied) return applied;
      continue;
    }
    auto value = value_of(key, node);
    if (!value) return std::unexpected(value.error());
    if (key == "token_file") {
      const auto* path = std::get_if<std::string>(&*value);
      if (path == nullptr) return base::fail(errc::bad_option, "token_file: must be the path of a file");
      beside.token_file = *path;
      continue;
    }
    const auto* row = row_of(key);
    if (row == nullptr) {
      return unknown_key(key, node.source().begin.line, closest_key(key, keys_of(option_table())));
    }
    if (auto set = row->set(out, *value); !set) {
      return base::fail(set.error(), fmt::format("line {}", node.source().begin.line));
    }
  }
  return {};
}

base::result<void> apply_environment(const environment& env, gateway_options& out) {
  for (const auto& row : option_table()) {
    if (row.key == "token") continue;
    std::string name = "EVERGATE_" + row.key;
    std::ranges::transform(name, name.begin(), [](unsigned char c) {
      return c == '.' ? '_' : static_cast<char>(std::toupper(c));
    });
    const auto text = env(name);
    if (!text) continue;
    if (auto set = set_from_text(row, out, *text); !set) return base::fail(set.error(), name);
  }
  return {};
}

base::result<void> choose_token(const environment& env, const std::string& token_file, gateway_options& out) {
  if (auto token = env("DISCORD_TOKEN"); token && !token->empty()) {
    out.token = std::move(*token);
  } else if (!token_file.empty()) {
    std::ifstream in(token_file);
    if (!in) return base::fail(errc::unreadable_file, "token_file \"" + token_file + "\" cannot be read");
    std::getline(in, out.token);
  }
  while (!out.token.empty() &&
         (out.token.back() == '\n' || out.token.back() == '\r' || out.token.back() == ' ')) {
    out.token.pop_back();
  }
  if (out.token.starts_with("Bot ")) out.token.erase(0, 4);
  return {};
}

base::result<gateway_options> read_options(const std::filesystem::path& file, const environment& env,
                                           aside& beside) {
  gateway_options out;
  if (!file.empty()) {
    std::ifstream in(file);
    if (!in)
      return base::fail(errc::unreadable_file, "configuration \"" + file.string() + "\" cannot be read");
    try {
      const auto table = toml::parse(in, file.string());
      if (auto applied = apply_table(table, "", out, beside); !applied) {
        return base::fail(applied.error(), file.string());
      }
    } catch (const toml::parse_error& problem) {
      return base::fail(errc::bad_option, fmt::format("{}: line {}: {}", file.string(),
                                                      problem.source().begin.line, problem.description()));
    }
  }
  if (auto applied = apply_environment(env, out); !applied) return std::unexpected(applied.error());
  if (auto applied = apply_consumers(beside.consumers, file.string(), env, out); !applied) {
    return std::unexpected(applied.error());
  }
  return out;
}

}  // namespace

base::result<gateway_options> load_without_token(const std::filesystem::path& file, const environment& env) {
  aside beside;
  auto out = read_options(file, env, beside);
  if (!out) return out;
  out->token = "unknown";  // nothing is judged by it, and it goes nowhere
  if (auto judged = judge_options(*out); !judged) return std::unexpected(judged.error());
  out->token.clear();
  return out;
}

}  // namespace app

environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

result<gateway_options> load_configuration(const std::filesystem::path& file, const environment& env) {
  app::aside beside;
  auto out = app::read_options(file, env, beside);
  if (!out) return out;
  if (auto chosen = app::choose_token(env, beside.token_file, *out); !chosen)
    return std::unexpected(chosen.error());
  if (auto judged = app::judge_options(*out); !judged) return std::unexpected(judged.error());
  return out;
}

std::string option_list() {
  return app::option_table_markdown();
}

}  // namespace evergate
