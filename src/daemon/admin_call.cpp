#include "daemon/admin_call.h"

#include <future>
#include <thread>
#include <utility>

#include "net/event_loop.h"
#include "net/http_client.h"

namespace evergate::daemon {

base::result<admin_answer> call_admin(const app::admin_access& where, const std::string& method,
                                      const std::string& path, const std::string& body,
                                      base::milliseconds patience) {
  net::event_loop loop;
  std::jthread thread([&loop] { loop.run(); });
  std::promise<base::result<net::http_response>> done;
  auto answered = done.get_future();
  base::result<net::http_response> got;
  {
    net::http_client_options options;
    options.ca_file = where.ca_file;
    net::http_client client(options);
    net::http_client::request what{
        .method = method, .url = where.url + path, .body = body, .timeout = patience};
    what.headers = {{"Authorization", "Bearer " + where.token.reveal()},
                    {"Content-Type", "application/json"}};
    client.fetch(loop, std::move(what),
                 [&done](base::result<net::http_response> how) { done.set_value(std::move(how)); });
    got = answered.get();
  }
  loop.stop();
  if (!got) return std::unexpected(got.error());
  return admin_answer{got->status, std::move(got->body)};
}

}  // namespace evergate::daemon
