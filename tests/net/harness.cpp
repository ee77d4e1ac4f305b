#include "harness.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

namespace evergate::net::test {
namespace {

using key_ptr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using cert_ptr = std::unique_ptr<X509, decltype(&X509_free)>;

void add_extension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  auto* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  ASSERT_NE(extension, nullptr) << value;
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

cert_ptr new_certificate(EVP_PKEY* key, const std::string& name) {
  static long serial = 1;
  cert_ptr cert(X509_new(), X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 86400);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return cert;
}

void save(const std::string& stem, X509* cert, EVP_PKEY* key) {
  FILE* out = std::fopen((stem + ".crt").c_str(), "w");
  PEM_write_X509(out, cert);
  std::fclose(out);
  out = std::fopen((stem + ".key").c_str(), "w");
  PEM_write_PrivateKey(out, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(out);
}

}  // namespace

certificates::certificates() {
  std::string pattern = (std::filesystem::temp_directory_path() / "evergate_net_test_XXXXXX").string();
  directory_ = ::mkdtemp(pattern.data());
  make_authority("ca");
  make_authority("other_ca");
  issue("server", "ca", "DNS:localhost,IP:127.0.0.1,IP:::1");
  issue("elsewhere", "ca", "DNS:elsewhere.invalid");
  issue("client", "ca", "DNS:client.invalid");
}

certificates::~certificates() {
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void certificates::make_authority(const std::string& name) const {
  const key_ptr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const auto cert = new_certificate(key.get(), name);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  add_extension(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE");
  add_extension(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign,cRLSign");
  X509_sign(cert.get(), key.get(), EVP_sha256());
  save(file(name), cert.get(), key.get());
}

void certificates::issue(const std::string& name, const std::string& ca,
                         const std::string& alternatives) const {
  FILE* in = std::fopen(file(ca + ".crt").c_str(), "r");
  const cert_ptr issuer(PEM_read_X509(in, nullptr, nullptr, nullptr), X509_free);
  std::fclose(in);
  in = std::fopen(file(ca + ".key").c_str(), "r");
  const key_ptr issuer_key(PEM_read_PrivateKey(in, nullptr, nullptr, nullptr), EVP_PKEY_free);
  std::fclose(in);
  const key_ptr key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const auto cert = new_certificate(key.get(), name);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.get()));
  add_extension(cert.get(), issuer.get(), NID_subject_alt_name, alternatives);
  X509_sign(cert.get(), issuer_key.get(), EVP_sha256());
  save(file(name), cert.get(), key.get());
}

raw_client::raw_client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const timeval patience{60, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
}

raw_client::~raw_client() {
  ::close(fd_);
}

void raw_client::send(std::string_view bytes) const {
  while (!bytes.empty()) {
    const auto count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string raw_client::read_some() const {
  std::string out(65536, '\0');
  const auto count = ::recv(fd_, out.data(), out.size(), 0);
  if (count < 0) EXPECT_EQ(errno, ECONNRESET);
  out.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return out;
}

std::string raw_client::read_until(std::string_view text) {
  std::string out;
  while (out.find(text) == std::string::npos) {
    const auto more = read_some();
    if (more.empty()) break;
    out += more;
  }
  return out;
}

std::string raw_client::read_to_end() {
  std::string out;
  for (auto more = read_some(); !more.empty(); more = read_some()) out += more;
  return out;
}

void raw_client::shut_writing() const {
  ::shutdown(fd_, SHUT_WR);
}

}  // namespace evergate::net::test
