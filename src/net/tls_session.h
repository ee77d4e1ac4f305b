// One connection's TLS without I/O: ciphertext is fed by view and decrypted straight into the reader's
// buffer; plaintext becomes ciphertext in a string. Owned by a stream, loop's thread only. Bounded by its
// owner: input is a borrowed view, output grows with what is written.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/tls.h"

namespace evergate::net {

class tls_session {
 public:
  /// As a client: SNI (for names) and verification of `host`, a name or an address.
  [[nodiscard]] static base::result<std::unique_ptr<tls_session>> client(tls_context& context,
                                                                         const std::string& host);
  [[nodiscard]] static base::result<std::unique_ptr<tls_session>> server(tls_context& context);
  ~tls_session();
  tls_session(const tls_session&) = delete;
  tls_session& operator=(const tls_session&) = delete;

  enum class outcome : std::uint8_t { done, want_input, closed, failed };

  /// Bytes from the socket. They must stay where they are until handshake() or read() said want_input.
  void feed(std::string_view ciphertext) noexcept { wires_->input = ciphertext; }
  [[nodiscard]] outcome handshake();
  /// Decrypts into `space`; `count` is set when done.
  [[nodiscard]] outcome read(std::span<char> space, std::size_t& count);
  /// Encrypts all of it to the end of output(); false when the session is broken.
  [[nodiscard]] bool write(std::string_view plaintext);
  /// Appends close_notify to output().
  void shut();

  [[nodiscard]] std::string& output() noexcept { return wires_->output; }
  [[nodiscard]] bool established() const noexcept { return established_; }
  [[nodiscard]] const base::error& failure() const noexcept { return failure_; }

 private:
  /// Both ends of the BIO. At a fixed address, since OpenSSL keeps a pointer to it.
  struct wires {
    std::string_view input;
    std::string output;
  };

  tls_session() = default;
  [[nodiscard]] base::result<void> start(tls_context& context, bool as_server, const std::string& host);
  [[nodiscard]] outcome judge(int returned);

  static int bio_read(BIO* bio, char* to, std::size_t size, std::size_t* count);
  static int bio_write(BIO* bio, const char* from, std::size_t size, std::size_t* count);
  static long bio_control(BIO* bio, int command, long number, void* pointer);
  static const BIO_METHOD* bio_method();

  std::unique_ptr<wires> wires_ = std::make_unique<wires>();
  std::shared_ptr<SSL_CTX> context_;
  SSL* ssl_ = nullptr;
  bool established_ = false;
  bool broken_ = false;
  base::error failure_;
};

}  // namespace evergate::net
