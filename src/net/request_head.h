// The head of a request, from bytes to a judgement: fed as it arrives, then taken or refused with a status.
// Owned by its http_connection; one thread; bounded by the parser's header limit. Pure: no I/O.
#pragma once

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstddef>
#include <string>
#include <string_view>

#include "net/http_server.h"

namespace evergate::net {

using request_parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

/// Sets a fresh parser's limits; bodies are bounded by whoever reads them.
void begin_head(request_parser& parser, std::size_t head_bytes_max);

struct head_progress {
  std::size_t used = 0;  ///< bytes not to be given again
  unsigned refused = 0;  ///< status to refuse with, 0 = none
  bool done = false;     ///< the head is whole: judge it
};
/// Gives the parser what has arrived and was not used before.
[[nodiscard]] head_progress feed_head(request_parser& parser, std::string_view bytes);

/// How many of the bytes before a request are empty lines, which are tolerated (RFC 9112 §2.2).
[[nodiscard]] std::size_t empty_lines(std::string_view bytes) noexcept;
/// What follows the empty lines is a request's: half an empty line is not, it may become a whole one.
[[nodiscard]] bool begins_request(std::string_view bytes) noexcept;

struct judged_head {
  unsigned refused = 0;               ///< status to refuse with, 0 = none
  std::vector<http_header> answer{};  ///< what the refusal carries
  http_request request{};
  bool http_11 = false;
  bool keep_alive = false;
  bool head_only = false;  ///< HEAD: the answer has no body
  bool expects_continue = false;
};
/// What a whole head asks for.
[[nodiscard]] judged_head judge_head(const request_parser& parser);

}  // namespace evergate::net
