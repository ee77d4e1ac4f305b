#include "downstream/rest_proxy.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <optional>
#include <utility>

namespace evergate::downstream {
namespace {

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::ranges::equal(
      a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

/// Is `name` one of the comma-separated tokens of `list`?
bool names(std::string_view list, std::string_view name) noexcept {
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto token = list.substr(0, comma);
    while (token.starts_with(' ') || token.starts_with('\t')) token.remove_prefix(1);
    while (token.ends_with(' ') || token.ends_with('\t')) token.remove_suffix(1);
    if (same_name(token, name)) return true;
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  return false;
}

net::http_response failure(unsigned status, std::string_view message) {
  return {
      status, {{"Content-Type", "application/json"}}, fmt::format(R"({{"message":"{}","code":0}})", message)};
}

/// A body is announced by one of two headers; the number of bytes where it is told.
bool announces_body(const net::http_request& request) {
  const auto length = request.header("Content-Length");
  return !request.header("Transfer-Encoding").empty() || (!length.empty() && length != "0");
}

}  // namespace

/// One request on its way. Keeps itself alive by its place in the proxy's set.
class rest_proxy::passage : public std::enable_shared_from_this<rest_proxy::passage> {
 public:
  passage(rest_proxy& home, std::unique_ptr<net::http_exchange> exchange)
      : home_(home), exchange_(std::move(exchange)) {}

  void begin(std::string_view rest) {
    const auto& request = exchange_->request();
    net::http_client::request what;
    what.method = request.method;
    what.url = home_.options_.base + std::string(rest);
    what.headers = end_to_end(request.headers);
    what.timeout = home_.options_.timeout;
    const bool has_body = announces_body(request);
    const auto self = shared_from_this();
    net::http_transfer_handler handler;
    handler.on_head = [self](unsigned status, std::vector<net::http_header> headers) {
      self->head(status, std::move(headers));
    };
    handler.on_piece = [self](std::string_view piece) { self->piece(piece); };
    handler.on_end = [self](base::result<void> how) { self->end(std::move(how)); };
    handler.on_send_ready = [self] { self->send_ready(); };
    transfer_ = home_.client_.transfer(exchange_->loop(), std::move(what), has_body, std::move(handler));
    exchange_->stream_body([self](std::string_view part) { self->body(part); }, [self] { self->finish(); });
  }

  void drop() {
    transfer_.reset();
    exchange_.reset();
  }

 private:
  void body(std::string_view part) {
    if (!transfer_) return;
    if (part.empty()) {
      body_ended_ = true;
      if (held_.empty()) transfer_->send_end();
      return;
    }
    body_bytes_ += part.size();
    if (body_bytes_ > home_.options_.body_bytes_max) return too_large();
    if (!held_.empty() || !transfer_->send_piece(part)) {
      held_ += part;
      exchange_->pause_body(true);
    }
  }

  void send_ready() {
    if (!transfer_ || !exchange_) return;
    if (!held_.empty()) {
      if (!transfer_->send_piece(held_)) return;
      held_.clear();
    }
    if (body_ended_) return transfer_->send_end();
    exchange_->pause_body(false);
  }

  void too_large() {
    if (!answered_) exchange_->respond(failure(413, "request body too large"));
    finish();
  }

  void head(unsigned status, std::vector<net::http_header> headers) {
    if (!exchange_) return;
    answered_ = true;
    exchange_->respond_head(status, end_to_end(headers));
  }

  void piece(std::string_view part) {
    if (!exchange_) return;
    exchange_->respond_piece(part);
    if (!exchange_->congested() || paused_) return;
    paused_ = true;
    transfer_->pause_receiving(true);
    const auto self = shared_from_this();
    exchange_->on_writable([self] {
      self->paused_ = false;
      if (self->transfer_) self->transfer_->pause_receiving(false);
    });
  }

  void end(base::result<void> how) {
    if (exchange_ && how) {
      exchange_->respond_end();
    } else if (exchange_ && !answered_) {
      home_.log_.warn("rest.upstream_failed", {{"cause", how.error().text()}});
      exchange_->respond(failure(502, "the upstream API could not be reached"));
    }
    // A failure after the head cannot be told but by closing: the exchange is dropped unfinished.
    finish();
  }

  void finish() {
    const auto self = shared_from_this();
    home_.passages_.erase(self);
    if (!exchange_) return drop();
    // Both are left from inside one of their own calls: they go in another turn.
    exchange_->loop().post([self] { self->drop(); });
  }

  rest_proxy& home_;
  std::unique_ptr<net::http_exchange> exchange_;
  std::unique_ptr<net::http_transfer> transfer_;
  std::string held_;
  std::size_t body_bytes_ = 0;
  bool body_ended_ = false;
  bool answered_ = false;
  bool paused_ = false;
};

rest_proxy::rest_proxy(net::http_client& client, rest_proxy_options options, base::logger& log)
    : client_(client), options_(std::move(options)), log_(log) {}

rest_proxy::~rest_proxy() {
  close();
}

void rest_proxy::forward(std::unique_ptr<net::http_exchange> exchange, std::string_view rest) {
  const auto length = exchange->request().header("Content-Length");
  std::size_t announced = 0;
  std::from_chars(length.data(), length.data() + length.size(), announced);
  if (announced > options_.body_bytes_max) return exchange->respond(failure(413, "request body too large"));
  const auto made = std::make_shared<passage>(*this, std::move(exchange));
  passages_.insert(made);
  made->begin(rest);
}

void rest_proxy::close() {
  for (const auto& one : std::exchange(passages_, {})) one->drop();
}

std::vector<net::http_header> rest_proxy::end_to_end(const std::vector<net::http_header>& headers) {
  static constexpr std::array<std::string_view, 11> hop_by_hop = {"Connection",
                                                                  "Keep-Alive",
                                                                  "Proxy-Authenticate",
                                                                  "Proxy-Authorization",
                                                                  "Proxy-Connection",
                                                                  "TE",
                                                                  "Trailer",
                                                                  "Upgrade",
                                                                  "Transfer-Encoding",
                                                                  "Host",
                                                                  "Expect"};
  std::vector<net::http_header> out;
  for (const auto& header : headers) {
    const auto listed = [&](std::string_view name) { return same_name(header.name, name); };
    const auto named = [&](const net::http_header& other) {
      return same_name(other.name, "Connection") && names(other.value, header.name);
    };
    if (std::ranges::any_of(hop_by_hop, listed) || std::ranges::any_of(headers, named)) continue;
    out.push_back(header);
  }
  return out;
}

}  // namespace evergate::downstream
