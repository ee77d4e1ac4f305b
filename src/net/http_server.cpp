#include "net/http_server.h"

#include <utility>

#include "net/errc.h"
#include "net/http_listener.h"

namespace evergate::net {

base::result<std::unique_ptr<http_server>> http_server::listen(std::vector<event_loop*> loops,
                                                               listen_options options, on_request handler) {
  if (loops.empty()) return base::fail(errc::bad_address, "listening needs at least one event loop");
  auto made = std::make_shared<state>(std::move(loops), std::move(options), std::move(handler));
  if (auto opened = made->open(); !opened) return std::unexpected(opened.error());
  made->start();
  return std::unique_ptr<http_server>(new http_server(std::move(made)));
}

http_server::http_server(std::shared_ptr<state> s) : state_(std::move(s)) {}

http_server::~http_server() {
  state_->stop_accepting();
  state_->gate.close();
  state_->close_connections();
}

std::uint16_t http_server::port() const noexcept {
  return state_->port();
}

void http_server::stop_accepting() {
  state_->stop_accepting();
}

}  // namespace evergate::net
