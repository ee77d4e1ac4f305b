#include "downstream/room.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <utility>

#include "downstream/bot_connection.h"

namespace evergate::downstream {
namespace {

net::http_response refusal(unsigned status, std::string_view message) {
  return {
      status, {{"Content-Type", "application/json"}}, fmt::format(R"({{"message":"{}","code":0}})", message)};
}

}  // namespace

room::room(net::event_loop& loop, std::uint8_t index, surroundings around, std::uint64_t seed)
    : loop_(loop),
      index_(index),
      around_(around),
      reader_(around.events, around.options.read_bytes),
      timer_(loop),
      chance_(seed) {}

room::~room() = default;

void room::open() {
  timer_.arm_in(around_.options.tick, [this] { tick(); });
}

void room::close(bool drop) {
  timer_.cancel();
  for (const auto& [id, connection] : connections_) connection->core().shut(drop, bot_now());
  if (!drop) return;
  connections_.clear();
  open_ = 0;
}

void room::admit(std::unique_ptr<net::http_exchange> exchange, std::string consumer, std::string url) {
  const auto& request = exchange->request();
  const auto transport = proto::compression_of(request.query_parameter("compress").value_or(""));
  if (!transport) return exchange->respond(refusal(400, "compress: allowed are zlib-stream and zstd-stream"));
  if (request.query_parameter("encoding").value_or("json") != "json") {
    return exchange->respond(refusal(400, "encoding: only json is supported"));
  }
  const auto version = request.query_parameter("v").value_or("10");
  const bool supported = version == "9" || version == "10";
  auto address = doorkeeper::host_of(request.peer_address);
  if (!around_.door.enter(address)) {
    return exchange->respond(refusal(429, "too many connections of this address have not identified"));
  }
  bot_origin origin;
  origin.id = (next_id_++ << 8) | index_;
  origin.consumer = std::move(consumer);
  origin.url = std::move(url);
  origin.transport = *transport;
  const auto id = origin.id;
  auto made = std::make_unique<bot_connection>(*this, std::move(origin), std::move(address));
  auto* connection = made.get();
  connections_.emplace(id, std::move(made));
  open_ = connections_.size();
  auto socket =
      exchange->accept_websocket(*connection, around_.options.bot_socket(), around_.options.hello_delay);
  connection->open(std::move(socket), supported ? 0 : 4012, "Invalid API version.");
}

bot_services room::services() noexcept {
  return {around_.options, around_.events, around_.guilds, around_.readers, around_.commands,
          around_.desk,    around_.log,    reader_,        frames_};
}

void room::wake() {
  if (woken_.exchange(true)) return;
  loop_.post([this] {
    woken_ = false;
    pump_all();
  });
}

void room::carry(consumer_order order) {
  const auto found = connections_.find(order.to);
  if (found != connections_.end()) found->second->core().carry(order, bot_now());
}

void room::reserved(holder_id who, flow::offset upto) {
  loop_.post([this, who, upto] {
    const auto found = connections_.find(who);
    if (found != connections_.end()) found->second->core().reserved(upto, bot_now());
  });
}

void room::interactions_reserved(holder_id who, std::uint64_t ticket) {
  loop_.post([this, who, ticket] {
    const auto found = connections_.find(who);
    if (found != connections_.end()) found->second->core().interactions_reserved(ticket, bot_now());
  });
}

void room::acknowledge(holder_id who, std::string session, std::int64_t seq,
                       std::move_only_function<void(const call_outcome&)> done) {
  loop_.post([this, who, session = std::move(session), seq, done = std::move(done)]() mutable {
    const auto found = connections_.find(who);
    if (found == connections_.end()) return done({});
    done(found->second->core().acknowledge_call(session, seq, bot_now()));
  });
}

void room::pump_later(holder_id who) {
  hungry_.insert(who);
  if (std::exchange(pump_posted_, true)) return;
  loop_.post([this] {
    pump_posted_ = false;
    for (const auto id : std::exchange(hungry_, {})) {
      const auto found = connections_.find(id);
      if (found != connections_.end()) found->second->core().pump(bot_now());
    }
  });
}

void room::bury(holder_id who) {
  // Called from inside the connection: it is destroyed in another turn.
  dead_.push_back(who);
  if (std::exchange(sweep_posted_, true)) return;
  loop_.post([this] { sweep(); });
}

void room::sweep() {
  sweep_posted_ = false;
  for (const auto id : std::exchange(dead_, {})) connections_.erase(id);
  {
    const std::scoped_lock lock(around_.exits.mutex);
    open_ = connections_.size();
  }
  around_.exits.rung.notify_all();
}

void room::tick() {
  const auto now = bot_now();
  for (const auto& [id, connection] : connections_) connection->core().tick(now);
  timer_.arm_in(around_.options.tick, [this] { tick(); });
}

void room::pump_all() {
  const auto now = bot_now();
  for (const auto& [id, connection] : connections_) connection->core().pump(now);
}

std::string room::new_session_id() {
  std::uint64_t words[2];
  // Unguessable where the system can give it; the token is asked for in any case.
  if (::getrandom(words, sizeof words, 0) != static_cast<ssize_t>(sizeof words)) {
    for (auto& word : words) word = chance_();
  }
  return fmt::format("{:016x}{:016x}", words[0], words[1]);
}

}  // namespace evergate::downstream
