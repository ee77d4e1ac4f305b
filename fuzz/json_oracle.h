// What simdjson's DOM, an independent reader, thinks of a text: the oracle of the targets about JSON. One
// parser per process; one thread.
#pragma once

#include <simdjson.h>

#include <string_view>

namespace evergate::fuzz {

/// The document, or an error. Valid until the next call with the same parser.
[[nodiscard]] inline simdjson::simdjson_result<simdjson::dom::element> read_json(
    simdjson::dom::parser& parser, std::string_view text) {
  return parser.parse(text.data(), text.size(), true);
}

/// Whole valid JSON.
[[nodiscard]] inline bool valid_json(std::string_view text) {
  static simdjson::dom::parser parser;
  return read_json(parser, text).error() == simdjson::SUCCESS;
}
/// The same, and an object.
[[nodiscard]] inline bool valid_object(std::string_view text) {
  static simdjson::dom::parser parser;
  simdjson::dom::element root;
  return read_json(parser, text).get(root) == simdjson::SUCCESS && root.is_object();
}

}  // namespace evergate::fuzz
