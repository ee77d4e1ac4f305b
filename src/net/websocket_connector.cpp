#include "net/websocket_connector.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <utility>

#include "net/errc.h"
#include "net/upgrade.h"

namespace evergate::net {

websocket_connector::websocket_connector(event_loop& loop, url target, std::shared_ptr<tls_context> tls,
                                         const ws_options& options, base::rng& random)
    : loop_(loop),
      target_(std::move(target)),
      tls_(std::move(tls)),
      read_bytes_(options.read_bytes),
      timeout_(options.connect_timeout),
      deadline_(loop),
      step_timer_(loop),
      socket_(loop.internals().io) {
  const auto low = random();
  const auto high = random();
  key_ = upgrade_key(low, high);
}

void websocket_connector::start(on_done done) {
  done_ = std::move(done);
  give_up_at_ = base::boot_clock::now() + timeout_;
  deadline_.arm(give_up_at_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self == nullptr) return;
    self->finish(base::fail(errc::timed_out, fmt::format("{}: {} took longer than {} ms", self->name(),
                                                         self->step_, self->timeout_.count())));
  });
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->done_) self->resolve();
  });
}

void websocket_connector::cancel() {
  done_ = nullptr;
  deadline_.cancel();
  step_timer_.cancel();
  ++attempt_;
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (link_) link_->close();
  link_.reset();
}

void websocket_connector::finish(base::result<connected> how) {
  if (!done_) return;
  const auto self = shared_from_this();
  auto done = std::move(done_);
  if (how) link_.reset();
  cancel();
  done(std::move(how));
}

void websocket_connector::resolve() {
  if (target_.secure() && tls_ == nullptr) {
    return finish(base::fail(errc::tls_failed, name() + ": a wss URL needs a TLS context"));
  }
  boost::system::error_code ec;
  const auto literal = asio::ip::make_address(target_.host, ec);
  if (!ec) return resolved({tcp::endpoint(literal, target_.port)});
  resolving_ = true;
  // A name server that says nothing must leave time to connect to an address known from before.
  step_timer_.arm_in(timeout_ / 3, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->loop_.internals().last_good.contains(self->name())) {
      self->use_last_good("no answer");
    }
  });
  loop_.internals().resolve(target_.host, target_.port,
                            [weak = weak_from_this()](const boost::system::error_code& failed,
                                                      const std::vector<tcp::endpoint>& addresses) {
                              const auto self = weak.lock();
                              if (self == nullptr || !self->done_ || !self->resolving_) return;
                              if (failed) return self->use_last_good(failed.message());
                              self->resolved(addresses);
                            });
}

void websocket_connector::use_last_good(const std::string& why) {
  const auto& known = loop_.internals().last_good;
  const auto found = known.find(name());
  if (found == known.end()) {
    return finish(base::fail(errc::resolve_failed, "name '" + target_.host + "': " + why));
  }
  resolved(found->second);
}

void websocket_connector::resolved(std::vector<tcp::endpoint> found) {
  resolving_ = false;
  step_timer_.cancel();
  addresses_ = std::move(found);
  step_ = "connecting";
  try_next();
}

void websocket_connector::try_next() {
  if (next_address_ >= addresses_.size()) {
    return finish(
        base::fail(errc::connect_failed,
                   name() + ": " + (last_failure_.empty() ? "the name has no address" : last_failure_)));
  }
  const auto attempt = ++attempt_;
  const auto endpoint = addresses_[next_address_++];
  // The time left is shared among the addresses left, so that one that swallows packets costs its share only.
  const auto left = give_up_at_ - base::boot_clock::now();
  const auto share = left / static_cast<long>(addresses_.size() - next_address_ + 1);
  boost::system::error_code ec;
  socket_.close(ec);
  socket_.open(endpoint.protocol(), ec);
  if (ec) return attempt_failed(ec.message());
  if (next_address_ < addresses_.size()) {
    step_timer_.arm_in(share, [weak = weak_from_this(), attempt] {
      const auto self = weak.lock();
      if (self != nullptr && self->attempt_ == attempt) self->attempt_failed("no answer");
    });
  }
  socket_.async_connect(endpoint,
                        [weak = weak_from_this(), attempt](const boost::system::error_code& failed) {
                          const auto self = weak.lock();
                          if (self == nullptr || !self->done_ || self->attempt_ != attempt) return;
                          if (failed) return self->attempt_failed(failed.message());
                          self->tcp_connected();
                        });
}

void websocket_connector::attempt_failed(const std::string& why) {
  step_timer_.cancel();
  last_failure_ = endpoint_text(addresses_[next_address_ - 1]) + ": " + why;
  // In a later turn, so that a long list of refusals does not nest.
  loop_.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self != nullptr && self->done_) self->try_next();
  });
  ++attempt_;
}

void websocket_connector::remember(const tcp::endpoint& good) {
  auto& known = loop_.internals().last_good;
  if (known.size() >= event_loop::state::names_max && !known.contains(name())) known.erase(known.begin());
  auto addresses = addresses_;
  const auto found = std::ranges::find(addresses, good);
  if (found != addresses.end()) std::rotate(addresses.begin(), found, found + 1);
  known[name()] = std::move(addresses);
}

void websocket_connector::tcp_connected() {
  step_timer_.cancel();
  remember(addresses_[next_address_ - 1]);
  std::unique_ptr<tls_session> session;
  if (target_.secure()) {
    auto made = tls_session::client(*tls_, target_.host);
    if (!made) return finish(base::fail(made.error(), name()));
    session = std::move(*made);
  }
  step_ = target_.secure() ? "the TLS handshake" : "the upgrade";
  link_ = std::make_shared<stream>(loop_, std::move(socket_), std::move(session));
  link_->set_read_bytes(read_bytes_);
  link_->start(shared_from_this());
}

void websocket_connector::on_stream_open() {
  step_ = "the upgrade";
  link_->output() += upgrade_request(target_, key_);
  link_->output_ready();
}

void websocket_connector::on_readable() {
  if (!done_ || link_ == nullptr) return;
  const auto end = input_.view().find("\r\n\r\n");
  if (end == std::string_view::npos || end > head_bytes_max_) {
    if (input_.size() > head_bytes_max_) {
      finish(base::fail(
          errc::too_large,
          fmt::format("{}: the upgrade's answer has a head of more than {} bytes", name(), head_bytes_max_)));
    }
    return;
  }
  auto verdict = check_upgrade_response(input_.view().substr(0, end + 4), key_);
  if (!verdict) return finish(base::fail(verdict.error(), name()));
  input_.consume(end + 4);
  connected result{link_, std::move(input_)};
  finish(std::move(result));
}

void websocket_connector::on_stream_end(const base::error& why) {
  finish(base::fail(why, fmt::format("{}: during {}", name(), step_)));
}

}  // namespace evergate::net
