#include "downstream/route.h"

#include "downstream/consumers.h"

namespace evergate::downstream {
namespace {

bool version_path(std::string_view path) {
  return path.starts_with("/v9/") || path.starts_with("/v10/");
}

}  // namespace

route route_of(std::string_view target) {
  route out;
  if (target.starts_with("/c/")) {
    const auto end = target.find_first_of("/?", 3);
    const auto name = target.substr(3, end == std::string_view::npos ? end : end - 3);
    if (!consumers::valid_name(name)) {
      out.what = route::kind::bad_consumer;
      return out;
    }
    out.consumer = name;
    out.prefix = target.substr(0, 3 + name.size());
    target.remove_prefix(out.prefix.size());
  }
  auto path = target.substr(0, target.find('?'));
  if (path == "/health" || path == "/ack") {
    out.what = path == "/health" ? route::kind::health : route::kind::ack;
    return out;
  }
  const bool api = path.starts_with("/api/");
  if (!api && !version_path(path)) return out;
  auto below = api ? path.substr(4) : path;
  out.what = route::kind::rest;
  out.rest = api ? target.substr(4) : target;
  if (version_path(below)) below.remove_prefix(below.find('/', 1));
  if (below == "/gateway") out.what = route::kind::gateway;
  if (below == "/gateway/bot") out.what = route::kind::gateway_bot;
  return out;
}

}  // namespace evergate::downstream
