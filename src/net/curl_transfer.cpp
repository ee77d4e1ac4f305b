#include "net/curl_transfer.h"

#include <algorithm>
#include <array>
#include <boost/beast/core/string.hpp>
#include <charconv>
#include <chrono>
#include <cstring>
#include <utility>

#include "net/errc.h"
#include "net/url.h"

namespace evergate::net {
namespace {

using boost::beast::iequals;

errc judge(CURLcode code) {
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return errc::bad_address;
    case CURLE_COULDNT_RESOLVE_HOST:
      return errc::resolve_failed;
    case CURLE_COULDNT_CONNECT:
      return errc::connect_failed;
    case CURLE_OPERATION_TIMEDOUT:
      return errc::timed_out;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return errc::tls_failed;
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
      return errc::closed;
    default:
      return errc::protocol_error;
  }
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return c > ' ' && c < 0x7f && std::strchr("()<>@,;:\\\"/[]?={}", c) == nullptr;
  });
}

bool clean_value(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == text.npos;
}

bool sends_body(std::string_view method) {
  return method == "POST" || method == "PUT" || method == "PATCH";
}

}  // namespace

curl_transfer::curl_transfer(event_loop& loop, http_client::request what, body_kind body,
                             std::optional<std::size_t> response_bytes_max, http_transfer_handler handler,
                             std::shared_ptr<callback_gate> gate)
    : loop_(loop),
      request_(std::move(what)),
      body_(body),
      response_bytes_max_(response_bytes_max),
      gate_(std::move(gate)),
      handler_(std::move(handler)) {}

curl_transfer::~curl_transfer() {
  if (easy_ != nullptr) curl_easy_cleanup(easy_);
  curl_slist_free_all(header_list_);
}

/// Without the path, which may hold a token.
std::string curl_transfer::place() const {
  const auto target = parse_url(request_.url);
  return target ? request_.method + " " + target->scheme + "://" + target->authority() : request_.method;
}

bool curl_transfer::add_headers() {
  bool has_accept = false;
  bool has_type = false;
  const auto add = [this](const std::string& line) {
    auto* longer = curl_slist_append(header_list_, line.c_str());
    if (longer != nullptr) header_list_ = longer;
  };
  for (const auto& [name, value] : request_.headers) {
    if (!is_token(name) || !clean_value(value)) {
      finish(base::fail(errc::protocol_error, place() + ": a request header that cannot be sent: " +
                                                  (is_token(name) ? name : std::string("bad name"))));
      return false;
    }
    if (iequals(name, "Content-Length")) {
      curl_off_t bytes = -1;
      const auto [end, bad] = std::from_chars(value.data(), value.data() + value.size(), bytes);
      if (bad == std::errc{} && end == value.data() + value.size() && bytes >= 0) upload_bytes_ = bytes;
      continue;
    }
    if (iequals(name, "Transfer-Encoding") || iequals(name, "Expect") || iequals(name, "Connection"))
      continue;
    has_accept = has_accept || iequals(name, "Accept");
    has_type = has_type || iequals(name, "Content-Type");
    add(value.empty() ? name + ";" : name + ": " + value);
  }
  // What curl would add by itself is not asked for.
  if (!has_accept) add("Accept:");
  if (!has_type) add("Content-Type:");
  add("Expect:");
  if (body_ == body_kind::streamed && !upload_bytes_) add("Transfer-Encoding: chunked");
  return true;
}

void curl_transfer::set_body() {
  if (body_ == body_kind::streamed) {
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &curl_transfer::on_read);
    curl_easy_setopt(easy_, CURLOPT_READDATA, this);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, upload_bytes_.value_or(-1));
  } else if (!request_.body.empty() || sends_body(request_.method)) {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, request_.body.data());
  } else if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else {
    curl_easy_setopt(easy_, CURLOPT_HTTPGET, 1L);
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

void curl_transfer::set_limits(const http_client_options& options) {
  const auto connect_ms = static_cast<long>(options.connect_timeout.count());
  const auto timeout_ms = static_cast<long>(request_.timeout.count());
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
  if (!response_bytes_max_) {
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, std::max(1L, (timeout_ms + 999) / 1000));
  } else {
    curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, timeout_ms);
  }
  if (!options.ca_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAINFO, options.ca_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  }
}

CURL* curl_transfer::prepare(const http_client_options& options) {
  const auto target = parse_url(request_.url);
  if (!target || (target->scheme != "http" && target->scheme != "https")) {
    finish(base::fail(errc::bad_address,
                      target ? "request URL: http or https is allowed" : target.error().detail));
    return nullptr;
  }
  if (!is_token(request_.method)) {
    finish(base::fail(errc::protocol_error, place() + ": not an HTTP method"));
    return nullptr;
  }
  easy_ = curl_easy_init();
  if (easy_ == nullptr) {
    finish(base::fail(errc::too_many, place() + ": libcurl has no handle left"));
    return nullptr;
  }
  if (!add_headers()) return nullptr;
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy_, CURLOPT_PROXY, "");
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, 64L * 1024);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text_);
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &curl_transfer::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &curl_transfer::on_write);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  set_body();
  set_limits(options);
  return easy_;
}

std::size_t curl_transfer::on_header(char* data, std::size_t, std::size_t count, void* self) {
  return static_cast<curl_transfer*>(self)->take_header({data, count});
}

std::size_t curl_transfer::take_header(std::string_view line) {
  const auto whole = line.size();
  if (head_given_) return whole;  // trailers
  head_bytes_ += whole;
  if (head_bytes_ > head_bytes_max_) return 0;
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with("HTTP/")) {
    incoming_head_.headers.clear();
    return whole;
  }
  if (!line.empty()) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return whole;
    auto value = line.substr(colon + 1);
    while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
    incoming_head_.headers.push_back({std::string(line.substr(0, colon)), std::string(value)});
    return whole;
  }
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return whole;
  incoming_head_.status = static_cast<unsigned>(status);
  head_given_ = true;
  std::unique_lock held(mutex_);
  ready_head_ = std::move(incoming_head_);
  schedule_pump(held);
  return whole;
}

std::size_t curl_transfer::on_write(char* data, std::size_t, std::size_t count, void* self_pointer) {
  auto& self = *static_cast<curl_transfer*>(self_pointer);
  if (self.response_bytes_max_ && self.body_bytes_ + count > *self.response_bytes_max_) {
    self.body_bytes_ += count;
    return 0;
  }
  std::unique_lock held(self.mutex_);
  if (self.received_.size() >= buffered_max_) {
    self.receive_blocked_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  self.body_bytes_ += count;
  self.received_.append(data, count);
  self.schedule_pump(held);
  return count;
}

std::size_t curl_transfer::on_read(char* data, std::size_t size, std::size_t count, void* self_pointer) {
  auto& self = *static_cast<curl_transfer*>(self_pointer);
  std::unique_lock held(self.mutex_);
  const auto ready = std::min(size * count, self.to_send_.size() - self.sent_);
  if (ready == 0) {
    if (self.send_ended_) return 0;
    self.send_blocked_ = true;
    return CURL_READFUNC_PAUSE;
  }
  std::memcpy(data, self.to_send_.data() + self.sent_, ready);
  self.sent_ += ready;
  const auto left = self.to_send_.size() - self.sent_;
  if (left == 0 || self.sent_ > buffered_max_) self.to_send_.erase(0, std::exchange(self.sent_, 0));
  if (self.send_full_ && left <= buffered_max_ / 4) {
    self.send_full_ = false;
    self.send_room_ = true;
    self.schedule_pump(held);
  }
  return ready;
}

void curl_transfer::unpause() {
  if (easy_ != nullptr) curl_easy_pause(easy_, CURLPAUSE_CONT);
}

void curl_transfer::finished(CURLcode code) {
  if (code == CURLE_OK) return finish({});
  const std::string why = error_text_[0] != '\0' ? error_text_ : curl_easy_strerror(code);
  if (head_bytes_ > head_bytes_max_) {
    return finish(base::fail(errc::too_large, place() + ": a response head of more than 256 KiB"));
  }
  if (response_bytes_max_ && body_bytes_ > *response_bytes_max_) {
    return finish(base::fail(errc::too_large, place() + ": a response of more than " +
                                                  std::to_string(*response_bytes_max_) + " bytes"));
  }
  finish(base::fail(judge(code), place() + ": " + why));
}

void curl_transfer::finish(base::result<void> how) {
  std::unique_lock held(mutex_);
  ready_end_ = std::move(how);
  schedule_pump(held);
}

void curl_transfer::schedule_pump(std::unique_lock<std::mutex>& held) {
  if (pump_scheduled_ || cancelled_) return;
  pump_scheduled_ = true;
  held.unlock();
  loop_.post([self = shared_from_this()] { self->pump(); });
}

void curl_transfer::pump() {
  {
    const std::scoped_lock lock(mutex_);
    pump_scheduled_ = false;
  }
  const bool let_in = gate_->pass([this] {
    in_callback_ = true;
    while (pump_one()) {
    }
    in_callback_ = false;
  });
  if (!let_in || ended_) let_handler_go();
}

bool curl_transfer::pump_one() {
  std::unique_lock held(mutex_);
  if (cancelled_ || ended_) return ended_ = true, false;
  if (ready_head_) {
    auto head = *std::exchange(ready_head_, std::nullopt);
    held.unlock();
    if (handler_.on_head) handler_.on_head(head.status, std::move(head.headers));
    return true;
  }
  if (std::exchange(send_room_, false)) {
    held.unlock();
    if (handler_.on_send_ready) handler_.on_send_ready();
    return true;
  }
  if (receive_paused_) return false;
  if (!received_.empty()) {
    const auto piece = std::exchange(received_, {});
    const bool blocked = std::exchange(receive_blocked_, false);
    held.unlock();
    if (blocked) resume();
    if (handler_.on_piece) handler_.on_piece(piece);
    return true;
  }
  if (!ready_end_) return false;
  auto how = *std::exchange(ready_end_, std::nullopt);
  ended_ = true;
  held.unlock();
  if (handler_.on_end) handler_.on_end(std::move(how));
  return false;
}

void curl_transfer::let_handler_go() {
  if (in_callback_) return;
  // Through a local, since the handler may own what owns this.
  const auto gone = std::exchange(handler_, {});
}

bool curl_transfer::send_piece(std::string_view piece) {
  std::unique_lock held(mutex_);
  if (cancelled_ || send_ended_) return true;
  to_send_ += piece;
  const bool full = to_send_.size() - sent_ >= buffered_max_;
  if (full) send_full_ = true;
  const bool wake = std::exchange(send_blocked_, false);
  held.unlock();
  if (wake) resume();
  return !full;
}

void curl_transfer::send_end() {
  std::unique_lock held(mutex_);
  send_ended_ = true;
  const bool wake = std::exchange(send_blocked_, false);
  held.unlock();
  if (wake) resume();
}

void curl_transfer::pause_receiving(bool paused) {
  std::unique_lock held(mutex_);
  receive_paused_ = paused;
  if (!paused && !in_callback_) schedule_pump(held);
}

void curl_transfer::cancel() {
  {
    const std::scoped_lock lock(mutex_);
    if (cancelled_) return;
    cancelled_ = true;
  }
  if (remove) remove();
  ended_ = true;
  let_handler_go();
}

}  // namespace evergate::net
