// Request heads as our server reads them, answers as our client reads them, and URLs: cut anywhere, a head is
// judged the same; what is accepted is clean; an accepted URL makes a request that our own server accepts.
#include <optional>
#include <string>

#include "base/check.h"
#include "base/rng.h"
#include "downstream/route.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "net/request_head.h"
#include "net/upgrade.h"
#include "net/url.h"
#include "net/websocket_codec.h"

namespace evergate::fuzz {
namespace {

using base::check;

constexpr std::size_t head_bytes_max = 16 * 1024;

/// As http_connection does it: unused bytes are given again with what follows. Nothing while it is
/// incomplete.
std::optional<net::judged_head> read_head(std::string_view bytes, std::size_t piece_max, base::rng& chance) {
  std::optional<net::request_parser> parser;
  std::string held;
  while (!bytes.empty()) {
    const auto count = std::min(bytes.size(), 1 + static_cast<std::size_t>(chance.below(piece_max)));
    held += bytes.substr(0, count);
    bytes.remove_prefix(count);
    if (!parser) {
      held.erase(0, net::empty_lines(held));
      if (!net::begins_request(held)) continue;
      parser.emplace();
      net::begin_head(*parser, head_bytes_max);
    }
    const auto progress = net::feed_head(*parser, held);
    check(progress.used <= held.size(), "no more is used than there is");
    held.erase(0, progress.used);
    if (progress.refused != 0) {
      net::judged_head refused;
      refused.refused = progress.refused;
      return refused;
    }
    if (progress.done) return net::judge_head(*parser);
  }
  return std::nullopt;
}

bool clean(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

void judge(const net::judged_head& head) {
  if (head.refused != 0) return check(head.refused >= 400 && head.refused < 600, "refused with an error");
  const auto& request = head.request;
  check(clean(request.method) && clean(request.target) && !request.target.empty(), "a clean request line");
  for (const auto& header : request.headers) {
    check(clean(header.name) && clean(header.value) && !header.name.empty(), "clean headers");
  }
  for (const auto* name : {"v", "encoding", "compress"}) (void)request.query_parameter(name);
  const auto route = downstream::route_of(request.target);
  check(request.target.ends_with(route.rest), "what is passed on is the end of what was asked for");
  if (!request.upgrade_websocket) return;
  const auto key = request.header("Sec-WebSocket-Key");
  check(net::check_upgrade_response(net::upgrade_answer(key), key).has_value(),
        "our answer suits our client");
}

void server_side(std::string_view bytes, base::rng& chance, std::size_t piece_max) {
  const auto whole = read_head(bytes, ~std::size_t{0} >> 1, chance);
  const auto cut = read_head(bytes, piece_max, chance);
  // A head that is cut may be refused later than a whole one: the parser then waits for its end first.
  if (whole) judge(*whole);
  const bool taken = whole && whole->refused == 0;
  check(taken == (cut && cut->refused == 0), "the cut does not decide whether a head is taken");
  if (!taken) return;
  check(whole->request.target == cut->request.target &&
            whole->request.headers.size() == cut->request.headers.size() &&
            whole->request.upgrade_websocket == cut->request.upgrade_websocket,
        "the cut makes no difference");
}

void client_side(std::string_view bytes) {
  const auto key = net::upgrade_key(1, 2);
  if (!net::check_upgrade_response(bytes, key)) return;
  check(bytes.contains(" 101") && bytes.contains(net::accept_key(key)),
        "only a 101 with our key's answer is taken");
}

void urls(std::string_view text, base::rng& chance) {
  const auto parsed = net::parse_url(text);
  if (!parsed) return;
  const auto again = net::parse_url(parsed->text());
  check(again && again->text() == parsed->text() && again->port == parsed->port, "a URL's text is that URL");
  const auto key = net::upgrade_key(chance(), chance());
  const auto head = read_head(net::upgrade_request(*parsed, key), 4096, chance);
  check(head && (head->refused == 431 || head->request.upgrade_websocket),
        "our server takes our client's upgrade");
  if (head->refused == 0) check(head->request.target == parsed->target(), "the target arrives as it is");
}

}  // namespace

void run(std::string_view bytes) {
  input in(bytes);
  const auto flags = in.byte();
  base::rng chance(flags);
  switch (flags % 4) {
    case 1:
      return client_side(in.rest());
    case 2:
      return urls(in.rest(), chance);
    default:
      return server_side(in.rest(), chance, 1 + flags / 4);
  }
}

}  // namespace evergate::fuzz
