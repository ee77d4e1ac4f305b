#include "app/configuration.h"

#include <fmt/format.h>

#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include "app/errc.h"
#include "app/option_table.h"

namespace evergate::app {
namespace {

const option_row* row_of(std::string_view key) {
  const auto table = option_table();
  const auto found = std::ranges::find(table, key, &option_row::key);
  return found == table.end() ? nullptr : &*found;
}

/// The known key that is closest by edit distance, for the error's hint.
std::string_view closest_key(std::string_view key) {
  std::string_view best;
  std::size_t best_distance = 4;
  for (const auto& row : option_table()) {
    std::vector<std::size_t> line(row.key.size() + 1);
    for (std::size_t i = 0; i < line.size(); ++i) line[i] = i;
    for (std::size_t i = 1; i <= key.size(); ++i) {
      std::size_t diagonal = line[0];
      line[0] = i;
      for (std::size_t j = 1; j < line.size(); ++j) {
        const std::size_t changed = diagonal + (key[i - 1] == row.key[j - 1] ? 0 : 1);
        diagonal = line[j];
        line[j] = std::min({line[j] + 1, line[j - 1] + 1, changed});
      }
    }
    if (line.back() < best_distance) {
      best_distance = line.back();
      best = row.key;
    }
  }
  return best;
}

base::result<option_value> value_of(const std::string& key, const toml::node& node) {
  if (const auto* flag = node.as_boolean()) return option_value(flag->get());
  if (const auto* number = node.as_integer()) return option_value(number->get());
  if (const auto* text = node.as_string()) return option_value(text->get());
  if (const auto* array = node.as_array()) {
    std::vector<std::string> words;
    for (const auto& element : *array) {
      const auto* word = element.as_string();
      if (word == nullptr) return base::fail(errc::bad_option, key + ": an array may hold strings only");
      words.push_back(word->get());
    }
    return option_value(std::move(words));
  }
  return base::fail(errc::bad_option,
                    key + ": must be a boolean, an integer, a string or an array of strings");
}

base::result<void> apply_table(const toml::table& table, const std::string& prefix, gateway_options& out,
                               std::string& token_file) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) {
      if (auto applied = apply_table(*inner, key + '.', out, token_file); !applied) return applied;
      continue;
    }
    auto value = value_of(key, node);
    if (!value) return std::unexpected(value.error());
    if (key == "token_file") {
      const auto* path = std::get_if<std::string>(&*value);
      if (path == nullptr) return base::fail(errc::bad_option, "token_file: must be the path of a file");
      token_file = *path;
      continue;
    }
    const auto* row = row_of(key);
    if (row == nullptr) {
      const auto near = closest_key(key);
      const auto hint = near.empty() ? std::string("docs/configuration.md lists the keys")
                                     : fmt::format("did you mean {}?", near);
      return base::fail(errc::unknown_option, fmt::format("{} (line {}): there is no such key; {}", key,
                                                          node.source().begin.line, hint));
    }
    if (auto set = row->set(out, *value); !set) {
      return base::fail(set.error(), fmt::format("line {}", node.source().begin.line));
    }
  }
  return {};
}

option_value from_text(const std::string& text) {
  if (text == "true" || text == "false") return text == "true";
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size()) return number;
  return text;
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
    if (auto set = row.set(out, from_text(*text)); !set) return base::fail(set.error(), name);
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

}  // namespace

environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

base::result<gateway_options> load_configuration(const std::filesystem::path& file, const environment& env) {
  gateway_options out;
  std::string token_file;
  if (!file.empty()) {
    std::ifstream in(file);
    if (!in)
      return base::fail(errc::unreadable_file, "configuration \"" + file.string() + "\" cannot be read");
    try {
      const auto table = toml::parse(in, file.string());
      if (auto applied = apply_table(table, "", out, token_file); !applied) {
        return base::fail(applied.error(), file.string());
      }
    } catch (const toml::parse_error& problem) {
      return base::fail(errc::bad_option, fmt::format("{}: line {}: {}", file.string(),
                                                      problem.source().begin.line, problem.description()));
    }
  }
  if (auto applied = apply_environment(env, out); !applied) return std::unexpected(applied.error());
  if (auto chosen = choose_token(env, token_file, out); !chosen) return std::unexpected(chosen.error());
  if (auto judged = judge_options(out); !judged) return std::unexpected(judged.error());
  return out;
}

}  // namespace evergate::app
