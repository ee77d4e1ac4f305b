#include "bench/replay/daemon.h"

#include <fmt/format.h>

#include <charconv>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace evergate::bench {
namespace {

constexpr base::instant start{base::seconds(1'000)};
constexpr std::int64_t start_unix_ms = 1'770'000'000'000;
constexpr std::uint64_t acknowledge_every = 5'000;
constexpr std::string_view dispatch_head = R"({"t":")";

upstream::shard_core_options shard_options(proto::compression kind) {
  upstream::shard_core_options out;
  out.compress = kind;
  out.session.identify.shard = {0, 1};
  out.session.identify.intents = 53'608'447;
  return out;
}

downstream::gateway_options gateway_options(const base::secret& token) {
  downstream::gateway_options out;
  out.token = token;
  out.intents = 53'608'447;
  // The ids that the simulator gives out are not of the replay's own time.
  out.interactions.drop_expired = false;
  return out;
}

}  // namespace

replay_daemon::replay_daemon(std::unique_ptr<journal::store> over, proto::compression kind)
    : token_("MTEwMDAwMDAwMDAwMDAwMDAwMQ.replay.replay"),
      now_(start),
      journal_(std::move(over), {}),
      batch_({}),
      decoder_(net::ws_role::client, {.check_utf8 = false}),
      shard_(
          [this] {
            auto made = pipeline::intake::make({}, replies_);
            base::check(made.has_value(), "an intake without filters");
            intake_ = std::move(*made);
            return upstream::shard_core_ground{*this, batch_, *intake_, log_, token_};
          }(),
          shard_options(kind), std::nullopt, 1),
      options_(gateway_options(token_)),
      readers_(journal_,
               {.queue_quiet = options_.queue_quiet,
                .queue_wait_max = options_.queue_wait_max,
                .poison = options_.poison},
               options_.consumers_max, options_.consumers, options_.dead_letters_max),
      router_(*this, replies_, *this),
      reader_(journal_, options_.read_bytes),
      bot_({options_, journal_, journal_, readers_, router_, *this, log_, reader_, frames_}, *this,
           {1, "main", "ws://replay", proto::compression::none}),
      flushed_(start) {
  base::check(journal_.recover().has_value(), "an empty store");
  shard_.start(now_);
  if (std::exchange(turn_wanted_, false)) shard_.turn(now_, now_);
  shard_.opened(now_);
}

std::int64_t replay_daemon::unix_ms() const noexcept {
  return start_unix_ms + std::chrono::duration_cast<base::milliseconds>(now_ - start).count();
}

void replay_daemon::receive(std::string_view bytes) {
  const auto room = decoder_.prepare(bytes.size());
  std::memcpy(room.data(), bytes.data(), bytes.size());
  decoder_.commit(bytes.size());
}

void replay_daemon::turn(base::milliseconds takes) {
  now_ += takes;
  net::ws_decoder::item item;
  while (decoder_.next(item) == net::ws_decoder::outcome::item) {
    shard_.message(item.payload, now_);
    if (std::exchange(turn_wanted_, false)) shard_.turn(now_, now_);
  }
  if (std::exchange(batch_due_, false)) hand_over();
  if (now_ - flushed_ >= options_.cursor_interval) {
    flushed_ = now_;
    for (auto& order : readers_.flush(now_)) orders_.push_back(std::move(order));
    bot_.tick(time());
  }
  if (seq_ - acknowledged_ >= acknowledge_every) {
    acknowledged_ = seq_;
    bot_.message(fmt::format(R"({{"op":1,"d":{}}})", seq_), time());
  }
  commit();
  pump();
}

void replay_daemon::batch_grew() {
  const auto due = batch_.added(now_);
  if (due == upstream::open_batch::due::at_once) hand_over();
  if (due != upstream::open_batch::due::nothing) batch_due_ = true;
}

void replay_daemon::hand_over() {
  base::check(batch_.hand_over(journal_, now_) != upstream::open_batch::outcome::refused,
              "a journal without bound");
}

void replay_daemon::commit() {
  const auto done = journal_.round(unix_ms());
  base::check(done.has_value(), "the store can be written");
  if (*done == nullptr) return;
  for (const auto& part : (*done)->progress) shard_.committed(part.seq, now_);
}

void replay_daemon::pump() {
  do {
    pump_again_ = false;
    for (auto& order : std::exchange(orders_, {})) bot_.carry(order, time());
    for (const auto ticket : std::exchange(tickets_, {})) bot_.interactions_reserved(ticket, time());
    bot_.pump(time());
  } while (pump_again_ || !orders_.empty());
}

void replay_daemon::carry(downstream::consumer_orders orders) {
  for (auto& order : orders) orders_.push_back(std::move(order));
}

bool replay_daemon::connect_bot() {
  bot_.open(time());
  bot_.message(
      fmt::format(R"({{"op":2,"d":{{"token":"{}","intents":53608447,"properties":{{}}}}}})", token_.reveal()),
      time());
  // Until the gate that holds queued events back has opened.
  for (int i = 0; i < 30; ++i) {
    turn(base::milliseconds(100));
    journal_.keep();
    if (!read()) return false;
  }
  return bot_.grant() != nullptr && delivered_ > 0;
}

bool replay_daemon::read() {
  std::string_view left = output_;
  while (!left.empty()) {
    const auto* p = reinterpret_cast<const unsigned char*>(left.data());
    std::size_t head = 2;
    std::uint64_t length = p[1];
    if (length >= 126) {
      head += length == 126 ? 2 : 8;
      length = 0;
      for (std::size_t i = 2; i < head; ++i) length = (length << 8) | p[i];
    }
    const auto text = left.substr(head, length);
    left.remove_prefix(head + length);
    if (!text.starts_with(dispatch_head)) continue;
    ++delivered_;
    constexpr std::string_view key = R"(,"s":)";
    const auto at = text.find(key) + key.size();
    std::from_chars(text.data() + at, text.data() + text.size(), seq_);
  }
  output_.clear();
  return !closed_;
}

}  // namespace evergate::bench
