#include "upstream/gateway_url.h"

#include <string>

namespace evergate::upstream {
namespace {

bool ours(std::string_view parameter) {
  const auto name = parameter.substr(0, parameter.find('='));
  return name == "v" || name == "encoding" || name == "compress";
}

std::string with_ours(std::string_view query, proto::compression compress) {
  std::string out = "v=10&encoding=json";
  const auto name = proto::name_of(compress);
  if (!name.empty()) out.append("&compress=").append(name);
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto parameter = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (!parameter.empty() && !ours(parameter)) out.append("&").append(parameter);
  }
  return out;
}

}  // namespace

base::result<net::url> gateway_url(std::string_view address, proto::compression compress) {
  auto parsed = net::parse_url(address);
  if (!parsed) return base::fail(parsed.error(), "gateway URL");
  net::url& url = *parsed;
  if (url.scheme == "https") url.scheme = "wss";
  if (url.scheme == "http") url.scheme = "ws";
  if (url.path.empty()) url.path = "/";
  url.query = with_ours(url.query, compress);
  return url;
}

}  // namespace evergate::upstream
