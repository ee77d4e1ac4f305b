#include "net/http_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/status.hpp>

namespace evergate::net {
namespace {

bool clean(const http_header& header) {
  const auto control = [](char c) { return c == '\r' || c == '\n' || c == '\0'; };
  const auto separator = [](char c) { return c <= ' ' || c == ':' || c == 0x7f; };
  return !header.name.empty() && std::ranges::none_of(header.name, separator) &&
         std::ranges::none_of(header.value, control);
}

}  // namespace

bool bodiless(unsigned status) noexcept {
  return status < 200 || status == 204 || status == 304;
}

std::string_view reason_phrase(unsigned status) noexcept {
  const auto known = boost::beast::http::int_to_status(status);
  const auto phrase = boost::beast::http::obsolete_reason(known);
  return {phrase.data(), phrase.size()};
}

std::string reply_head_text(const reply_head& head, const std::vector<http_header>& headers,
                            bool keep_length) {
  using boost::beast::iequals;
  std::string out = fmt::format("HTTP/1.1 {} {}\r\n", head.status, reason_phrase(head.status));
  for (const auto& header : headers) {
    if (!clean(header) || iequals(header.name, "Connection") || iequals(header.name, "Transfer-Encoding"))
      continue;
    if (!keep_length && iequals(header.name, "Content-Length")) continue;
    out += header.name;
    out += ": ";
    out += header.value;
    out += "\r\n";
  }
  if (head.content_length) out += fmt::format("Content-Length: {}\r\n", *head.content_length);
  if (head.chunked) out += "Transfer-Encoding: chunked\r\n";
  out += head.keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return out;
}

}  // namespace evergate::net
