#include "net/upgrade.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstring>

#include "net/errc.h"
#include "net/websocket_codec.h"

namespace evergate::net {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;

std::string base64(const unsigned char* bytes, int count) {
  std::string out(static_cast<std::size_t>((count + 2) / 3 * 4), '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()), bytes, count);
  return out;
}

bool is_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  unsigned char decoded[18];
  return EVP_DecodeBlock(decoded, reinterpret_cast<const unsigned char*>(key.data()), 24) == 18;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool any_header_has_token(const http_request& request, std::string_view name, std::string_view token) {
  for (const auto& header : request.headers) {
    if (beast::iequals(header.name, name) && has_token(header.value, token)) return true;
  }
  return false;
}

}  // namespace

std::string accept_key(std::string_view key) {
  std::string text(key);
  text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[SHA_DIGEST_LENGTH];
  unsigned int count = 0;
  EVP_Digest(text.data(), text.size(), digest, &count, EVP_sha1(), nullptr);
  return base64(digest, SHA_DIGEST_LENGTH);
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const auto comma = list.find(',');
    if (beast::iequals(trim(list.substr(0, comma)), token)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

std::string upgrade_request(const url& target, std::string_view key) {
  return fmt::format(
      "GET {} HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {}\r\n"
      "Sec-WebSocket-Version: 13\r\nUser-Agent: evergate\r\n\r\n",
      target.target(), target.authority(), key);
}

std::string upgrade_key(std::uint64_t low, std::uint64_t high) {
  unsigned char bytes[16];
  std::memcpy(bytes, &low, 8);
  std::memcpy(bytes + 8, &high, 8);
  return base64(bytes, 16);
}

base::result<void> check_upgrade_response(std::string_view head, std::string_view key) {
  http::response_parser<http::empty_body> parser;
  parser.header_limit(static_cast<std::uint32_t>(head.size() + 1));
  parser.skip(true);
  beast::error_code ec;
  parser.put(boost::asio::buffer(head.data(), head.size()), ec);
  if (ec || !parser.is_header_done()) {
    return base::fail(errc::handshake_failed, "upgrade: the answer is not HTTP: " + ec.message());
  }
  const auto& answer = parser.get();
  if (answer.result_int() != 101) {
    std::string reason(answer.reason().substr(0, 100));
    // Cloudflare's 1015 is a page with either status.
    const bool limited = answer.result_int() == 429 || answer.result_int() == 403;
    return base::fail(limited ? errc::rate_limited : errc::handshake_failed,
                      fmt::format("upgrade: HTTP status {} {} instead of 101", answer.result_int(), reason));
  }
  const auto value = [&answer](http::field name) {
    const auto found = answer[name];
    return std::string_view(found.data(), found.size());
  };
  if (!has_token(value(http::field::upgrade), "websocket") ||
      !has_token(value(http::field::connection), "upgrade")) {
    return base::fail(errc::handshake_failed,
                      "upgrade: the 101 lacks Upgrade: websocket or Connection: Upgrade");
  }
  if (value(http::field::sec_websocket_accept) != accept_key(key)) {
    return base::fail(errc::handshake_failed, "upgrade: Sec-WebSocket-Accept does not match the key");
  }
  if (!value(http::field::sec_websocket_extensions).empty() ||
      !value(http::field::sec_websocket_protocol).empty()) {
    return base::fail(errc::handshake_failed, "upgrade: an extension or subprotocol that was not offered");
  }
  return {};
}

upgrade_verdict judge_upgrade(const http_request& request, bool http_11) {
  if (!any_header_has_token(request, "Upgrade", "websocket")) return upgrade_verdict::absent;
  if (request.method != "GET" || !http_11) return upgrade_verdict::malformed;
  if (!any_header_has_token(request, "Connection", "upgrade")) return upgrade_verdict::malformed;
  if (!request.header("Transfer-Encoding").empty()) return upgrade_verdict::malformed;
  const auto length = request.header("Content-Length");
  if (!length.empty() && length != "0") return upgrade_verdict::malformed;
  if (request.header("Sec-WebSocket-Version") != "13") return upgrade_verdict::bad_version;
  return is_key(request.header("Sec-WebSocket-Key")) ? upgrade_verdict::good : upgrade_verdict::malformed;
}

std::string upgrade_answer(std::string_view key) {
  return fmt::format(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Accept: {}\r\n\r\n",
      accept_key(key));
}

}  // namespace evergate::net
