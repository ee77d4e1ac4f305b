// What a tls_context is made of, for net's own files. The OpenSSL context is exchanged whole on reload;
// connections hold the one they began with. Thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <mutex>
#include <string>

#include "net/tls.h"

namespace evergate::net {

struct tls_context::state {
  [[nodiscard]] std::shared_ptr<SSL_CTX> current() {
    const std::scoped_lock lock(mutex);
    return context;
  }

  bool is_server = false;
  tls_server_options server_options;
  std::mutex mutex;
  std::shared_ptr<SSL_CTX> context;
};

/// What OpenSSL last complained about on this thread; empties its queue.
[[nodiscard]] std::string openssl_error();

}  // namespace evergate::net
