#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <utility>

#include "net/errc.h"
#include "net/tls_state.h"

namespace evergate::net {
namespace {

using context_result = base::result<std::shared_ptr<SSL_CTX>>;

std::shared_ptr<SSL_CTX> new_context(const SSL_METHOD* method) {
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(method), SSL_CTX_free);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(context.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                      SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  return context;
}

context_result build_server(const tls_server_options& options) {
  ERR_clear_error();
  auto context = new_context(TLS_server_method());
  SSL_CTX_set_options(context.get(), SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_TICKET);
  if (SSL_CTX_use_certificate_chain_file(context.get(), options.certificate_file.c_str()) != 1) {
    return base::fail(errc::bad_certificate_file,
                      "certificate_file '" + options.certificate_file +
                          "': a readable PEM chain is needed: " + openssl_error());
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
    return base::fail(errc::bad_certificate_file, "key_file '" + options.key_file +
                                                      "': a readable PEM key is needed: " + openssl_error());
  }
  if (SSL_CTX_check_private_key(context.get()) != 1) {
    return base::fail(errc::bad_certificate_file,
                      "key_file '" + options.key_file + "' does not belong to the certificate");
  }
  if (options.client_ca_file.empty()) return context;
  auto* names = SSL_load_client_CA_file(options.client_ca_file.c_str());
  if (names == nullptr ||
      SSL_CTX_load_verify_locations(context.get(), options.client_ca_file.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return base::fail(errc::bad_certificate_file,
                      "client_ca_file '" + options.client_ca_file +
                          "': readable PEM certificates are needed: " + openssl_error());
  }
  SSL_CTX_set_client_CA_list(context.get(), names);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return context;
}

context_result build_client(const tls_client_options& options) {
  ERR_clear_error();
  auto context = new_context(TLS_client_method());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (options.ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context.get()) != 1) {
      return base::fail(errc::bad_certificate_file, "the system's certificate store: " + openssl_error());
    }
  } else if (SSL_CTX_load_verify_locations(context.get(), options.ca_file.c_str(), nullptr) != 1) {
    return base::fail(
        errc::bad_certificate_file,
        "ca_file '" + options.ca_file + "': readable PEM certificates are needed: " + openssl_error());
  }
  return context;
}

}  // namespace

std::string openssl_error() {
  const auto code = ERR_peek_error();
  ERR_clear_error();
  if (code == 0) return "no reason given";
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason == nullptr ? "OpenSSL error " + std::to_string(code) : reason;
}

tls_context::tls_context(std::unique_ptr<state> s) : state_(std::move(s)) {}
tls_context::~tls_context() = default;

base::result<std::shared_ptr<tls_context>> tls_context::client(const tls_client_options& options) {
  auto context = build_client(options);
  if (!context) return std::unexpected(context.error());
  auto s = std::make_unique<state>();
  s->context = std::move(*context);
  return std::shared_ptr<tls_context>(new tls_context(std::move(s)));
}

base::result<std::shared_ptr<tls_context>> tls_context::server(const tls_server_options& options) {
  auto context = build_server(options);
  if (!context) return std::unexpected(context.error());
  auto s = std::make_unique<state>();
  s->is_server = true;
  s->server_options = options;
  s->context = std::move(*context);
  return std::shared_ptr<tls_context>(new tls_context(std::move(s)));
}

base::result<void> tls_context::reload() {
  if (!state_->is_server) return {};
  auto context = build_server(state_->server_options);
  if (!context) return std::unexpected(context.error());
  const std::scoped_lock lock(state_->mutex);
  state_->context = std::move(*context);
  return {};
}

}  // namespace evergate::net
