// The address of a gateway connection: Discord's URL with our version, encoding and compression. Pure.
#pragma once

#include <string_view>

#include "base/result.h"
#include "net/url.h"
#include "proto/compression.h"

namespace evergate::upstream {

/// `address` is a ws, wss, http or https URL; its path and further query parameters are kept, `v`, `encoding`
/// and `compress` are set to ours. http becomes ws and https wss.
[[nodiscard]] base::result<net::url> gateway_url(std::string_view address, proto::compression compress);

}  // namespace evergate::upstream
