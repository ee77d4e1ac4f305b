#include "net/http_client.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "net/callback_gate.h"
#include "net/curl_thread.h"
#include "net/curl_transfer.h"
#include "net/errc.h"

namespace evergate::net {
namespace {

/// What a transfer's asker holds.
class transfer_handle final : public http_transfer {
 public:
  explicit transfer_handle(std::shared_ptr<curl_transfer> transfer) : transfer_(std::move(transfer)) {}
  ~transfer_handle() override { transfer_->cancel(); }
  bool send_piece(std::string_view piece) override { return transfer_->send_piece(piece); }
  void send_end() override { transfer_->send_end(); }
  void pause_receiving(bool paused) override { transfer_->pause_receiving(paused); }

 private:
  std::shared_ptr<curl_transfer> transfer_;
};

/// A whole response on its way.
struct collection {
  http_response response;
  std::move_only_function<void(base::result<http_response>)> done;
};

}  // namespace

struct http_client::state {
  explicit state(const http_client_options& with)
      : options(with), worker(std::make_shared<curl_thread>(with)) {}

  /// The transfer, started or ended at once for want of room.
  std::shared_ptr<curl_transfer> begin(event_loop& loop, request what, curl_transfer::body_kind body,
                                       std::optional<std::size_t> response_bytes_max,
                                       http_transfer_handler handler) {
    auto made = std::make_shared<curl_transfer>(loop, std::move(what), body, response_bytes_max,
                                                std::move(handler), gate);
    const auto order = [transfer = std::weak_ptr(made), thread = std::weak_ptr(worker)](auto verb) {
      const auto held = transfer.lock();
      const auto to = thread.lock();
      if (held != nullptr && to != nullptr) (to.get()->*verb)(held);
    };
    made->resume = [order] { order(&curl_thread::resume); };
    made->remove = [order] { order(&curl_thread::remove); };
    if (!worker->start(made)) {
      made->finish(
          base::fail(errc::too_many, fmt::format("more than {} requests at once", options.transfers_max)));
    }
    return made;
  }

  const http_client_options options;
  std::shared_ptr<callback_gate> gate = std::make_shared<callback_gate>();
  std::shared_ptr<curl_thread> worker;
};

http_client::http_client(http_client_options options) : state_(std::make_shared<state>(options)) {}

http_client::~http_client() {
  state_->gate->close();
}

void http_client::fetch(event_loop& loop, request what,
                        std::move_only_function<void(base::result<http_response>)> done) {
  auto all = std::make_shared<collection>();
  all->done = std::move(done);
  http_transfer_handler handler;
  handler.on_head = [all](unsigned status, std::vector<http_header> headers) {
    all->response.status = status;
    all->response.headers = std::move(headers);
  };
  handler.on_piece = [all](std::string_view piece) { all->response.body += piece; };
  handler.on_end = [all](base::result<void> how) {
    if (how) {
      all->done(std::move(all->response));
    } else {
      all->done(std::unexpected(how.error()));
    }
  };
  state_->begin(loop, std::move(what), curl_transfer::body_kind::whole, state_->options.response_bytes_max,
                std::move(handler));
}

std::unique_ptr<http_transfer> http_client::transfer(event_loop& loop, request what, bool has_body,
                                                     http_transfer_handler handler) {
  const auto body = has_body ? curl_transfer::body_kind::streamed : curl_transfer::body_kind::whole;
  if (!has_body) what.body.clear();
  return std::make_unique<transfer_handle>(
      state_->begin(loop, std::move(what), body, std::nullopt, std::move(handler)));
}

}  // namespace evergate::net
