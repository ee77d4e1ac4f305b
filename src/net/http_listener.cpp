#include "net/http_listener.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/errc.h"

namespace evergate::net {
namespace {

/// Closes a descriptor that nobody took.
class owned_fd {
 public:
  explicit owned_fd(int fd) : fd_(fd) {}
  owned_fd(owned_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  owned_fd& operator=(owned_fd&&) = delete;
  ~owned_fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int take() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

int socket_option(int fd, int name) {
  int value = -1;
  socklen_t size = sizeof(value);
  return ::getsockopt(fd, SOL_SOCKET, name, &value, &size) == 0 ? value : -1;
}

using open_count = std::shared_ptr<std::atomic<std::size_t>>;

std::vector<open_count> open_counts(std::size_t loops) {
  std::vector<open_count> out;
  for (std::size_t i = 0; i < loops; ++i) out.push_back(std::make_shared<std::atomic<std::size_t>>(0));
  return out;
}

/// A connection's ticket that also counts it among its loop's.
std::shared_ptr<http_admission::ticket> counted(std::shared_ptr<http_admission::ticket> ticket,
                                                open_count open) {
  struct counted_ticket {
    counted_ticket(std::shared_ptr<http_admission::ticket> of, open_count in)
        : ticket(std::move(of)), open(std::move(in)) {
      open->fetch_add(1, std::memory_order_relaxed);
    }
    counted_ticket(const counted_ticket&) = delete;
    counted_ticket& operator=(const counted_ticket&) = delete;
    ~counted_ticket() { open->fetch_sub(1, std::memory_order_relaxed); }
    std::shared_ptr<http_admission::ticket> ticket;
    open_count open;
  };
  auto held = std::make_shared<counted_ticket>(std::move(ticket), std::move(open));
  auto* const inner = held->ticket.get();
  return {std::move(held), inner};
}

}  // namespace

http_server::state::state(std::vector<event_loop*> on_loops, listen_options with, on_request to)
    : loops_(std::move(on_loops)),
      options_(std::move(with)),
      handler_(std::move(to)),
      admission_(std::make_shared<http_admission>(options_.limits.connections_max,
                                                  options_.limits.pending_per_address_max)),
      acceptor_(loops_.front()->internals().io),
      retry_(*loops_.front()),
      open_(open_counts(loops_.size())) {}

base::result<void> http_server::state::open() {
  auto opened = options_.inherited_fd >= 0 ? inherit() : bind();
  if (!opened) return opened;
  boost::system::error_code ec;
  acceptor_.non_blocking(true, ec);
  port_ = acceptor_.local_endpoint(ec).port();
  return {};
}

base::result<void> http_server::state::bind() {
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(options_.address, ec);
  if (ec) {
    return base::fail(errc::bad_address,
                      "listen address '" + options_.address +
                          "': an IPv4 or IPv6 address without brackets or port is allowed");
  }
  const tcp::endpoint endpoint(address, options_.port);
  acceptor_.open(endpoint.protocol(), ec);
  if (!ec) acceptor_.set_option(tcp::acceptor::reuse_address(true), ec);
  if (!ec) acceptor_.bind(endpoint, ec);
  if (!ec) acceptor_.listen(4096, ec);
  if (ec)
    return base::fail(errc::bad_address, "listening on " + endpoint_text(endpoint) + ": " + ec.message());
  return {};
}

base::result<void> http_server::state::inherit() {
  const int fd = options_.inherited_fd;
  const int domain = socket_option(fd, SO_DOMAIN);
  if ((domain != AF_INET && domain != AF_INET6) || socket_option(fd, SO_TYPE) != SOCK_STREAM ||
      socket_option(fd, SO_ACCEPTCONN) != 1) {
    return base::fail(errc::bad_address,
                      fmt::format("inherited descriptor {}: a listening TCP socket is needed", fd));
  }
  boost::system::error_code ec;
  acceptor_.assign(domain == AF_INET6 ? tcp::v6() : tcp::v4(), fd, ec);
  if (ec) return base::fail(errc::bad_address, fmt::format("inherited descriptor {}: {}", fd, ec.message()));
  return {};
}

void http_server::state::run_on(event_loop& loop, event_loop::task work) {
  if (loop.in_loop() || loop.internals().thread.load() == std::thread::id{}) {
    work();
  } else {
    loop.post(std::move(work));
  }
}

void http_server::state::start() {
  loops_.front()->post([self = shared_from_this()] { self->wait(); });
}

void http_server::state::stop_accepting() {
  run_on(*loops_.front(), [self = shared_from_this()] {
    boost::system::error_code ignored;
    self->acceptor_.close(ignored);
    self->retry_.cancel();
  });
}

void http_server::state::close_connections() {
  std::vector<std::weak_ptr<http_connection>> all;
  {
    const std::scoped_lock lock(mutex_);
    all.swap(connections_);
  }
  for (const auto& weak : all) {
    if (auto connection = weak.lock()) {
      auto& loop = connection->loop();
      run_on(loop, [held = std::move(connection)] { held->close(); });
    }
  }
}

void http_server::state::wait() {
  if (!acceptor_.is_open()) return;
  acceptor_.async_wait(tcp::acceptor::wait_read,
                       [self = shared_from_this()](const boost::system::error_code& ec) {
                         if (!ec && self->acceptor_.is_open()) self->accept_some();
                       });
}

void http_server::state::accept_some() {
  for (int i = 0; i < accepts_per_turn_; ++i) {
    tcp::endpoint peer;
    socklen_t size = static_cast<socklen_t>(peer.capacity());
    const int fd = ::accept4(acceptor_.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      peer.resize(size);
      deal(fd, peer);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
    if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) continue;
    // Out of descriptors: those waiting stay in the kernel's queue until some are free.
    retry_.arm_in(base::milliseconds(100), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->wait();
    });
    return;
  }
  wait();
}

std::size_t http_server::state::least_loaded() noexcept {
  const auto connections = [this](std::size_t at) { return open_[at]->load(std::memory_order_relaxed); };
  const auto first = next_loop_++ % loops_.size();
  auto best = first;
  for (std::size_t i = 1; i < loops_.size(); ++i) {
    const auto at = (first + i) % loops_.size();
    if (connections(at) < connections(best)) best = at;
  }
  return best;
}

void http_server::state::deal(int fd, const tcp::endpoint& peer) {
  owned_fd owned(fd);
  auto ticket = admission_->admit(peer.address().to_string());
  if (ticket == nullptr) return;
  const auto which = least_loaded();
  ticket = counted(std::move(ticket), open_[which]);
  auto& loop = *loops_[which];
  const bool v6 = peer.address().is_v6();
  loop.post(
      [self = shared_from_this(), &loop, owned = std::move(owned), v6, ticket = std::move(ticket)]() mutable {
        self->begin(loop, owned.take(), v6, std::move(ticket));
      });
}

void http_server::state::begin(event_loop& loop, int fd, bool v6,
                               std::shared_ptr<http_admission::ticket> ticket) {
  tcp::socket socket(loop.internals().io);
  boost::system::error_code ec;
  socket.assign(v6 ? tcp::v6() : tcp::v4(), fd, ec);
  if (ec) {
    ::close(fd);
    return;
  }
  std::unique_ptr<tls_session> session;
  if (options_.tls) {
    auto made = tls_session::server(*options_.tls);
    if (!made) return;
    session = std::move(*made);
  }
  auto link = std::make_shared<stream>(loop, std::move(socket), std::move(session), ticket);
  auto connection =
      std::make_shared<http_connection>(loop, std::move(link), std::move(ticket), options_.limits,
                                        [self = shared_from_this()](std::unique_ptr<http_exchange> exchange) {
                                          self->gate.pass([&] { self->handler_(std::move(exchange)); });
                                        });
  remember(connection);
  connection->start();
}

void http_server::state::remember(const std::shared_ptr<http_connection>& connection) {
  const std::scoped_lock lock(mutex_);
  if (connections_.size() >= prune_at_) {
    std::erase_if(connections_, [](const auto& weak) { return weak.expired(); });
    prune_at_ = std::max<std::size_t>(64, connections_.size() * 2);
  }
  connections_.push_back(connection);
}

}  // namespace evergate::net
