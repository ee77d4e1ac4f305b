#include "net/request_head.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <limits>

#include "net/upgrade.h"

namespace evergate::net {

namespace beast = boost::beast;
namespace http = beast::http;

void begin_head(request_parser& parser, std::size_t head_bytes_max) {
  parser.header_limit(static_cast<std::uint32_t>(head_bytes_max));
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
}

std::size_t empty_lines(std::string_view bytes) noexcept {
  std::size_t at = 0;
  while (bytes.substr(at).starts_with("\r\n")) at += 2;
  return at;
}

bool begins_request(std::string_view bytes) noexcept {
  return !bytes.empty() && bytes != "\r";
}

head_progress feed_head(request_parser& parser, std::string_view bytes) {
  head_progress out;
  beast::error_code ec;
  out.used = parser.put(boost::asio::buffer(bytes.data(), bytes.size()), ec);
  if (ec == http::error::need_more) ec = {};
  if (ec) {
    out.refused = ec == http::error::header_limit ? 431 : 400;
  } else {
    out.done = parser.is_header_done();
  }
  return out;
}

judged_head judge_head(const request_parser& parser) {
  const auto& message = parser.get();
  judged_head out;
  out.http_11 = message.version() == 11;
  out.keep_alive = parser.keep_alive();
  out.head_only = message.method() == http::verb::head;
  auto& request = out.request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.push_back({std::string(field.name_string()), std::string(field.value())});
  }
  const auto refuse = [&out](unsigned status) { return out.refused = status, out; };
  if (message.version() != 10 && message.version() != 11) return refuse(505);
  const auto hosts = message.count(http::field::host);
  if (hosts > 1 || (out.http_11 && hosts == 0)) return refuse(400);
  const auto expectation = request.header("Expect");
  out.expects_continue = out.http_11 && beast::iequals(expectation, "100-continue");
  if (!expectation.empty() && !out.expects_continue) return refuse(417);
  const auto verdict = judge_upgrade(request, out.http_11);
  if (verdict == upgrade_verdict::malformed) return refuse(400);
  if (verdict == upgrade_verdict::bad_version) {
    out.answer.push_back({"Sec-WebSocket-Version", "13"});
    return refuse(426);
  }
  request.upgrade_websocket = verdict == upgrade_verdict::good;
  return out;
}

}  // namespace evergate::net
