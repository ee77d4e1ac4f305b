#include "net/tls_session.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "net/errc.h"
#include "net/tls_state.h"

namespace evergate::net {
namespace {

bool is_address(const std::string& host) {
  unsigned char unused[16];
  return ::inet_pton(AF_INET, host.c_str(), unused) == 1 || ::inet_pton(AF_INET6, host.c_str(), unused) == 1;
}

}  // namespace

int tls_session::bio_read(BIO* bio, char* to, std::size_t size, std::size_t* count) {
  auto& input = static_cast<wires*>(BIO_get_data(bio))->input;
  BIO_clear_retry_flags(bio);
  if (input.empty()) {
    BIO_set_retry_read(bio);
    return 0;
  }
  *count = std::min(size, input.size());
  std::memcpy(to, input.data(), *count);
  input.remove_prefix(*count);
  return 1;
}

int tls_session::bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* count) {
  BIO_clear_retry_flags(bio);
  static_cast<wires*>(BIO_get_data(bio))->output.append(from, size);
  *count = size;
  return 1;
}

long tls_session::bio_control(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

const BIO_METHOD* tls_session::bio_method() {
  static const BIO_METHOD* const method = [] {
    auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "evergate buffers");
    BIO_meth_set_read_ex(made, bio_read);
    BIO_meth_set_write_ex(made, bio_write);
    BIO_meth_set_ctrl(made, bio_control);
    return made;
  }();
  return method;
}

base::result<std::unique_ptr<tls_session>> tls_session::client(tls_context& context,
                                                               const std::string& host) {
  std::unique_ptr<tls_session> session(new tls_session());
  if (auto ok = session->start(context, false, host); !ok) return std::unexpected(ok.error());
  return session;
}

base::result<std::unique_ptr<tls_session>> tls_session::server(tls_context& context) {
  std::unique_ptr<tls_session> session(new tls_session());
  if (auto ok = session->start(context, true, {}); !ok) return std::unexpected(ok.error());
  return session;
}

base::result<void> tls_session::start(tls_context& context, bool as_server, const std::string& host) {
  if (context.internals().is_server != as_server) {
    return base::fail(errc::tls_failed, as_server ? "a client's TLS context given to a server"
                                                  : "a server's TLS context given to a client");
  }
  ERR_clear_error();
  context_ = context.internals().current();
  ssl_ = SSL_new(context_.get());
  auto* bio = ssl_ == nullptr ? nullptr : BIO_new(bio_method());
  if (bio == nullptr) return base::fail(errc::tls_failed, "no TLS session: " + openssl_error());
  BIO_set_data(bio, wires_.get());
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_, bio, bio);
  if (as_server) {
    SSL_set_accept_state(ssl_);
    return {};
  }
  SSL_set_connect_state(ssl_);
  bool named = false;
  if (is_address(host)) {
    named = X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str()) == 1;
  } else {
    SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    named = SSL_set1_host(ssl_, host.c_str()) == 1 && SSL_set_tlsext_host_name(ssl_, host.c_str()) == 1;
  }
  if (!named)
    return base::fail(errc::tls_failed, "host '" + host + "' cannot be verified: " + openssl_error());
  return {};
}

tls_session::~tls_session() {
  SSL_free(ssl_);
}

tls_session::outcome tls_session::judge(int returned) {
  switch (SSL_get_error(ssl_, returned)) {
    case SSL_ERROR_WANT_READ:
      return outcome::want_input;
    case SSL_ERROR_ZERO_RETURN:
      return outcome::closed;
    default:
      break;
  }
  broken_ = true;
  const auto verified = SSL_get_verify_result(ssl_);
  std::string why = openssl_error();
  if (verified != X509_V_OK) why += std::string(": ") + X509_verify_cert_error_string(verified);
  failure_ = base::error{make_error_code(errc::tls_failed), "TLS: " + why};
  return outcome::failed;
}

tls_session::outcome tls_session::handshake() {
  if (broken_) return outcome::failed;
  ERR_clear_error();
  const int returned = SSL_do_handshake(ssl_);
  if (returned != 1) return judge(returned);
  established_ = true;
  return outcome::done;
}

tls_session::outcome tls_session::read(std::span<char> space, std::size_t& count) {
  if (broken_) return outcome::failed;
  ERR_clear_error();
  const int returned = SSL_read_ex(ssl_, space.data(), space.size(), &count);
  return returned == 1 ? outcome::done : judge(returned);
}

bool tls_session::write(std::string_view plaintext) {
  ERR_clear_error();
  while (!plaintext.empty()) {
    std::size_t count = 0;
    const int returned = broken_ ? 0 : SSL_write_ex(ssl_, plaintext.data(), plaintext.size(), &count);
    if (returned != 1) {
      if (!broken_) static_cast<void>(judge(returned));
      return false;
    }
    plaintext.remove_prefix(count);
  }
  return true;
}

void tls_session::shut() {
  if (!established_ || broken_) return;
  ERR_clear_error();
  SSL_shutdown(ssl_);
  ERR_clear_error();
}

}  // namespace evergate::net
