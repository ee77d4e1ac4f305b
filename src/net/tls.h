// TLS settings, as client and as server. Certificates are read here; connections share the context.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace evergate::net {

/// A client's context: verifies the peer's chain and host name always.
struct tls_client_options {
  std::string ca_file{};  ///< PEM; empty = the system's store
};

/// A server's context.
struct tls_server_options {
  std::string certificate_file{};  ///< PEM chain
  std::string key_file{};          ///< PEM
  std::string client_ca_file{};    ///< when set, clients must present a certificate signed by it
};

class tls_context {
 public:
  [[nodiscard]] static base::result<std::shared_ptr<tls_context>> client(const tls_client_options& options);
  [[nodiscard]] static base::result<std::shared_ptr<tls_context>> server(const tls_server_options& options);
  ~tls_context();

  /// A server's certificate and key read again; connections made before keep theirs. The old ones stay when
  /// the new ones cannot be read.
  [[nodiscard]] base::result<void> reload();

  struct state;
  [[nodiscard]] state& internals() noexcept { return *state_; }

 private:
  explicit tls_context(std::unique_ptr<state> s);
  std::unique_ptr<state> state_;
};

}  // namespace evergate::net
