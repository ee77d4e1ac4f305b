#include "net/stream.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/errc.h"

namespace evergate::net {

std::string endpoint_text(const tcp::endpoint& endpoint) {
  const auto address = endpoint.address().to_string();
  return endpoint.address().is_v6() ? fmt::format("[{}]:{}", address, endpoint.port())
                                    : fmt::format("{}:{}", address, endpoint.port());
}

stream::stream(event_loop& loop, tcp::socket socket, std::unique_ptr<tls_session> tls,
               std::shared_ptr<void> admission)
    : loop_(loop), socket_(std::move(socket)), tls_(std::move(tls)), admission_(std::move(admission)) {
  boost::system::error_code ignored;
  socket_.non_blocking(true, ignored);
  socket_.set_option(tcp::no_delay(true), ignored);
  const auto peer = socket_.remote_endpoint(ignored);
  if (!ignored) peer_ = endpoint_text(peer);
}

void stream::start(const std::shared_ptr<stream_owner>& owner) {
  owner_ = owner;
  loop_.post([self = shared_from_this(), owner] {
    if (!self->open()) return;
    if (self->tls_ == nullptr) {
      owner->on_stream_open();
    } else {
      static_cast<void>(self->shake_hands(*owner));
      self->output_ready();
    }
    self->tell_end(*owner);
    self->wait_readable();
  });
}

void stream::hand_over(const std::shared_ptr<stream_owner>& owner) {
  owner_ = owner;
  ++read_generation_;
  waiting_readable_ = false;
  wait_readable();
}

void stream::keep_output_here() {
  constexpr int unsent_bytes = 128 * 1024;
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof unsent_bytes);
}

void stream::pause(bool paused) {
  paused_ = paused;
  if (!paused) wait_readable();
}

void stream::wait_readable() {
  if (waiting_readable_ || paused_ || end_ || !open()) return;
  auto owner = owner_.lock();
  if (owner == nullptr) return;
  waiting_readable_ = true;
  const auto generation = read_generation_;
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this(), owner = std::move(owner),
                                              generation](const boost::system::error_code&) {
    if (generation != self->read_generation_) return;
    self->waiting_readable_ = false;
    if (!self->open() || self->paused_ || self->end_told_) return;
    self->read_turn(*owner);
  });
}

void stream::read_turn(stream_owner& owner) {
  for (int i = 0; i < reads_per_turn_; ++i) {
    const auto outcome = tls_ == nullptr ? read_plain(owner) : read_tls(owner);
    if (!open() || outcome != read_outcome::more) break;
  }
  if (!open()) return;
  if (tls_ != nullptr && !tls_->output().empty()) output_ready();
  const auto generation = read_generation_;
  owner.on_readable();
  if (!open() || generation != read_generation_) return;
  tell_end(owner);
  wait_readable();
}

stream::read_outcome stream::judge_read(long count, std::size_t room) {
  if (count > 0) return static_cast<std::size_t>(count) == room ? read_outcome::more : read_outcome::drained;
  if (count == 0) {
    fail({make_error_code(errc::closed), "the peer closed the connection"});
    return read_outcome::ended;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return read_outcome::drained;
  fail({make_error_code(errc::closed), fmt::format("reading: {}", std::generic_category().message(errno))});
  return read_outcome::ended;
}

stream::read_outcome stream::read_plain(stream_owner& owner) {
  // The usual few kilobytes land where they are needed; a burst spills into the loop's scratch and is copied,
  // so that an idle connection keeps no large buffer.
  // No more than a read's worth in all, however large the space has become: it would grow with each turn.
  const auto want = std::min(direct_want_, read_bytes_);
  const auto direct = owner.read_space(want).first(want);
  const auto spill = loop_.internals().scratch(read_bytes_).first(read_bytes_ - want);
  iovec parts[2] = {{direct.data(), direct.size()}, {spill.data(), spill.size()}};
  msghdr message{};
  message.msg_iov = parts;
  message.msg_iovlen = 2;
  const auto count = ::recvmsg(socket_.native_handle(), &message, 0);
  if (count > 0) {
    const auto got = static_cast<std::size_t>(count);
    owner.read_filled(std::min(got, direct.size()));
    if (got > direct.size()) {
      const auto rest = got - direct.size();
      std::memcpy(owner.read_space(rest).data(), spill.data(), rest);
      owner.read_filled(rest);
    }
    direct_want_ = std::clamp(got, std::size_t{4096}, read_bytes_);
  }
  return judge_read(count, direct.size() + spill.size());
}

stream::read_outcome stream::read_tls(stream_owner& owner) {
  const auto space = loop_.internals().scratch(read_bytes_);
  const auto count = ::recv(socket_.native_handle(), space.data(), space.size(), 0);
  const auto outcome = judge_read(count, space.size());
  if (count <= 0) return outcome;
  const auto decrypted = decrypt(owner, {space.data(), static_cast<std::size_t>(count)});
  return decrypted == read_outcome::ended ? decrypted : outcome;
}

stream::read_outcome stream::decrypt(stream_owner& owner, std::string_view ciphertext) {
  tls_->feed(ciphertext);
  if (!tls_->established() && !shake_hands(owner)) return end_ ? read_outcome::ended : read_outcome::drained;
  while (open()) {
    std::size_t count = 0;
    const auto outcome = tls_->read(owner.read_space(direct_bytes_), count);
    if (outcome == tls_session::outcome::done) {
      owner.read_filled(count);
      continue;
    }
    if (outcome == tls_session::outcome::want_input) break;
    const base::error closed{make_error_code(errc::closed), "the peer closed the connection"};
    fail(outcome == tls_session::outcome::closed ? closed : tls_->failure());
    return read_outcome::ended;
  }
  tls_->feed({});
  return read_outcome::drained;
}

bool stream::shake_hands(stream_owner& owner) {
  const auto outcome = tls_->handshake();
  if (outcome == tls_session::outcome::done) {
    owner.on_stream_open();
    return open();
  }
  if (outcome != tls_session::outcome::want_input) {
    // The alert that says why is on its way out before the socket goes.
    try_flush();
    fail(tls_->failure().code
             ? tls_->failure()
             : base::error{make_error_code(errc::tls_failed), "TLS: closed in the handshake"});
  }
  return false;
}

void stream::fail(base::error why) {
  if (!end_) end_ = std::move(why);
}

void stream::tell_end(stream_owner& owner) {
  if (!end_ || end_told_ || !open()) return;
  end_told_ = true;
  owner.on_stream_end(*end_);
}

std::size_t stream::queued() const noexcept {
  const auto cipher = tls_ == nullptr ? 0 : tls_->output().size() - ciphertext_sent_;
  return output_.size() - output_sent_ + cipher;
}

bool stream::sending_before_hold() const noexcept {
  if (!hold_at_ || !open()) return false;
  return output_sent_ < *hold_at_ || (tls_ != nullptr && !tls_->output().empty());
}

void stream::release_output() {
  hold_at_.reset();
  output_ready();
}

void stream::output_ready() {
  if (!waiting_writable_) schedule_flush();
}

void stream::flush() {
  if (!waiting_writable_) try_flush();
  if (end_ || progress_ || write_broken_) schedule_flush();
}

void stream::schedule_flush() {
  if (flush_scheduled_ || !open()) return;
  flush_scheduled_ = true;
  loop_.defer([weak = weak_from_this()] {
    if (auto self = weak.lock()) self->flush_turn();
  });
}

void stream::flush_turn() {
  flush_scheduled_ = false;
  const auto owner = owner_.lock();
  if (owner == nullptr || !open()) return;
  if (!waiting_writable_) try_flush();
  if (std::exchange(progress_, false)) owner->on_sent();
  if (!open()) return;
  if (write_broken_ && !end_) {
    // What the peer said before it went (a close frame) is worth more than the failed write.
    if (!paused_) read_turn(*owner);
    if (!open()) return;
    fail({make_error_code(errc::closed), "writing: the peer closed the connection"});
  }
  tell_end(*owner);
}

void stream::encrypt_some() {
  auto& cipher = with_room(tls_->output());
  const auto limit = hold_at_.value_or(output_.size());
  while (output_sent_ < limit && cipher.size() - ciphertext_sent_ < ciphertext_max_) {
    const auto piece = std::min(limit - output_sent_, ciphertext_max_);
    if (!tls_->write(std::string_view(output_).substr(output_sent_, piece))) {
      write_broken_ = true;
      return;
    }
    output_sent_ += piece;
  }
}

void stream::try_flush() {
  if (write_broken_ || shut_ || !open()) return;
  const bool secure = tls_ != nullptr;
  for (bool more = true; more;) {
    if (secure) {
      if (tls_->established()) encrypt_some();
      auto& cipher = tls_->output();
      const auto waiting = output_.size();
      if (!send_some(cipher, ciphertext_sent_, cipher.size())) break;
      give_back(cipher, ciphertext_sent_, nullptr);
      more = tls_->established() && output_sent_ < std::min(waiting, hold_at_.value_or(waiting)) &&
             !write_broken_;
    } else {
      const bool sent_all = send_some(output_, output_sent_, hold_at_.value_or(output_.size()));
      if (!sent_all) break;
      more = false;
    }
  }
  give_back(output_, output_sent_, &hold_at_);
  if (secure) give_back(tls_->output(), ciphertext_sent_, nullptr);
  if (shut_wanted_ && queued() == 0 && !write_broken_ && !waiting_writable_) {
    shut_ = true;
    if (secure) {
      tls_->shut();
      static_cast<void>(send_some(tls_->output(), ciphertext_sent_, tls_->output().size()));
    }
    ::shutdown(socket_.native_handle(), SHUT_WR);
    progress_ = true;
  }
}

bool stream::send_some(const std::string& bytes, std::size_t& sent, std::size_t limit) {
  while (sent < limit) {
    const auto count = ::send(socket_.native_handle(), bytes.data() + sent, limit - sent, MSG_NOSIGNAL);
    if (count >= 0) {
      sent += static_cast<std::size_t>(count);
      progress_ = true;
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_writable();
    } else {
      write_broken_ = true;
    }
    break;
  }
  return sent == limit;
}

void stream::give_back(std::string& bytes, std::size_t& sent, std::optional<std::size_t>* mark) {
  const bool empty = sent == bytes.size();
  // A long queue that never runs empty gives back its front now and then.
  if (!empty && (sent < kept_capacity_ || sent < bytes.size() / 2)) return;
  if (mark != nullptr && *mark) **mark -= sent;
  if (empty && bytes.capacity() > kept_capacity_) {
    loop_.internals().give_spare(std::exchange(bytes, {}));
  } else {
    bytes.erase(0, sent);
  }
  sent = 0;
}

void stream::wait_writable() {
  if (waiting_writable_) return;
  auto owner = owner_.lock();
  if (owner == nullptr) return;
  waiting_writable_ = true;
  socket_.async_wait(tcp::socket::wait_write,
                     [self = shared_from_this(), owner](const boost::system::error_code&) {
                       self->waiting_writable_ = false;
                       if (self->open()) self->flush_turn();
                     });
}

void stream::shut_after_output() {
  shut_wanted_ = true;
  output_ready();
}

bool stream::has_unread() const noexcept {
  if (!socket_.is_open()) return false;
  boost::system::error_code failed;
  const auto bytes = socket_.available(failed);
  return !failed && bytes != 0;
}

void stream::reset_on_close() {
  boost::system::error_code ignored;
  if (open()) socket_.set_option(boost::asio::socket_base::linger(true, 0), ignored);
}

void stream::close() {
  if (!open()) return;
  if (tls_ != nullptr && !shut_) tls_->output().clear();
  ++read_generation_;
  boost::system::error_code ignored;
  socket_.close(ignored);
  admission_.reset();
}

}  // namespace evergate::net
