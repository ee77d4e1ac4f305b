#include "net/url.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "net/errc.h"

namespace evergate::net {
namespace {

struct known_scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array schemes{known_scheme{"http", 80}, known_scheme{"https", 443}, known_scheme{"ws", 80},
                             known_scheme{"wss", 443}};

std::uint16_t default_port(std::string_view scheme) {
  const auto* found = std::ranges::find(schemes, scheme, &known_scheme::name);
  return found == schemes.end() ? std::uint16_t{0} : found->port;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

bool is_ipv6(const std::string& host) {
  in6_addr unused{};
  return ::inet_pton(AF_INET6, host.c_str(), &unused) == 1;
}

bool is_name(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  });
}

base::result<void> parse_authority(std::string_view text, url& out) {
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return base::fail(errc::bad_address, "URL host: '[' without ']'");
    out.host = lower(text.substr(1, end - 1));
    if (!is_ipv6(out.host)) return base::fail(errc::bad_address, "URL host: not an IPv6 address in brackets");
    auto rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':')
      return base::fail(errc::bad_address, "URL: only a port may follow ']'");
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else {
    const auto colon = text.find(':');
    has_port = colon != std::string_view::npos;
    out.host = lower(text.substr(0, colon));
    if (has_port) port = text.substr(colon + 1);
    if (!is_name(out.host)) {
      return base::fail(
          errc::bad_address,
          "URL host: letters, digits, '.', '-' and '_' are allowed, an IPv6 address in brackets");
    }
  }
  if (!has_port) {
    out.port = default_port(out.scheme);
    return {};
  }
  unsigned number = 0;
  const auto* end = port.data() + port.size();
  const auto [stop, bad] = std::from_chars(port.data(), end, number);
  if (bad != std::errc{} || stop != end || number == 0 || number > 65535) {
    return base::fail(errc::bad_address, "URL port: a number from 1 to 65535 is allowed");
  }
  out.port = static_cast<std::uint16_t>(number);
  return {};
}

}  // namespace

std::string url::authority() const {
  const bool brackets = host.find(':') != std::string::npos;
  std::string out = brackets ? "[" + host + "]" : host;
  if (port != default_port(scheme)) out += fmt::format(":{}", port);
  return out;
}

std::string url::target() const {
  std::string out = path.empty() ? "/" : path;
  if (!query.empty()) out += "?" + query;
  return out;
}

std::string url::text() const {
  return scheme + "://" + authority() + target();
}

base::result<url> parse_url(std::string_view text) {
  if (text.size() > 8192) return base::fail(errc::bad_address, "URL: longer than 8192 bytes");
  const bool clean = std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
  if (!clean) {
    return base::fail(errc::bad_address, "URL: spaces, control and non-ASCII characters are not allowed");
  }
  const auto colon = text.find("://");
  url out;
  if (colon != std::string_view::npos) out.scheme = lower(text.substr(0, colon));
  if (default_port(out.scheme) == 0) {
    return base::fail(errc::bad_address, "URL: must start with http://, https://, ws:// or wss://");
  }
  auto rest = text.substr(colon + 3);
  if (rest.find('#') != std::string_view::npos) return base::fail(errc::bad_address, "URL: no '#…' allowed");
  const auto authority_end = rest.find_first_of("/?");
  const auto authority = rest.substr(0, authority_end);
  if (authority.find('@') != std::string_view::npos) {
    return base::fail(errc::bad_address, "URL: no user name or password allowed");
  }
  if (auto ok = parse_authority(authority, out); !ok) return std::unexpected(ok.error());
  rest = authority_end == std::string_view::npos ? std::string_view{} : rest.substr(authority_end);
  const auto question = rest.find('?');
  out.path = rest.substr(0, question);
  if (question != std::string_view::npos) out.query = rest.substr(question + 1);
  while (out.path.size() > 1 && out.path.back() == '/') out.path.pop_back();
  if (out.path.empty()) out.path = "/";
  return out;
}

}  // namespace evergate::net
