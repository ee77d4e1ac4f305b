#include "app/admin_access.h"

#include <fmt/format.h>

#include <fstream>

#include "admin/token.h"
#include "app/errc.h"

namespace evergate::app {
namespace {

std::filesystem::path token_file_of(const gateway_options& options) {
  return options.admin.token_file.empty() ? options.data_dir / "admin.token" : options.admin.token_file;
}

std::filesystem::path url_file_of(const gateway_options& options) {
  return options.data_dir / "admin.url";
}

}  // namespace

std::string authority_of(std::string_view address, std::uint16_t port) {
  return address.contains(':') ? fmt::format("[{}]:{}", address, port) : fmt::format("{}:{}", address, port);
}

base::result<admin::server_options> admin_options_of(const gateway_options& options) {
  admin::server_options out;
  out.address = options.admin.address;
  out.port = options.admin.port;
  if (!options.admin.tls_certificate.empty()) {
    auto context = net::tls_context::server({options.admin.tls_certificate, options.admin.tls_key, {}});
    if (!context) return base::fail(context.error(), "admin.tls_certificate");
    out.tls = *context;
  }
  if (!options.admin.token.empty()) {
    out.token = base::secret(options.admin.token);
    return out;
  }
  if (options.data_dir.empty() && options.admin.token_file.empty()) {
    return base::fail(errc::bad_option, "admin.token_file: must be set when data_dir is empty");
  }
  // A file that the operator names is theirs to make; a missing one is a mistake.
  auto token = options.admin.token_file.empty() ? admin::read_or_make_token(token_file_of(options))
                                                : admin::read_token(token_file_of(options));
  if (!token) return std::unexpected(token.error());
  out.token = std::move(*token);
  return out;
}

base::result<void> write_admin_url(const gateway_options& options, std::string_view url) {
  if (options.data_dir.empty()) return {};
  std::error_code ignored;
  std::filesystem::create_directories(options.data_dir, ignored);
  return admin::write_private(url_file_of(options), fmt::format("{}\n", url));
}

base::result<admin_access> find_admin(const gateway_options& options) {
  if (!options.admin.enabled) return base::fail(errc::bad_option, "admin.enabled is false");
  admin_access out;
  const bool tls = !options.admin.tls_certificate.empty();
  // What listens on every address is called on this machine's own.
  const auto& address = options.admin.address;
  const std::string host = address == "0.0.0.0" ? "127.0.0.1" : address == "::" ? "::1" : address;
  out.url = fmt::format("{}://{}", tls ? "https" : "http", authority_of(host, options.admin.port));
  if (options.admin.port == 0) {
    std::ifstream in(url_file_of(options));
    if (!in || !std::getline(in, out.url)) {
      return base::fail(errc::unreadable_file,
                        fmt::format("admin.port is 0 and \"{}\" cannot be read: does the daemon run?",
                                    url_file_of(options).string()));
    }
  }
  // A certificate of one's own is its own authority; one of a public authority is in the system's store.
  out.ca_file = options.admin.tls_certificate;
  if (!options.admin.token.empty()) {
    out.token = base::secret(options.admin.token);
    return out;
  }
  auto token = admin::read_token(token_file_of(options));
  if (!token) return base::fail(token.error(), "the daemon makes it when it starts");
  out.token = std::move(*token);
  return out;
}

}  // namespace evergate::app
