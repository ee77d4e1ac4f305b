#include "bot.h"

#include <fmt/format.h>
#include <zlib.h>

#include <cstring>
#include <utility>

#include "proto/snowflake_text.h"

namespace evergate::simulation {
namespace {

constexpr base::nanoseconds backoff = base::milliseconds{400};
constexpr base::nanoseconds catching_up =
    base::seconds{2};  // a bot that has slept has read everything by then
constexpr base::nanoseconds identify_patience = base::seconds{9};  // of the daemon, or nearly
constexpr std::size_t large_frame = 2'048;
constexpr base::nanoseconds answer_patience = base::seconds{20};  // then it asks again

proto::snowflake id_in(const nlohmann::json& d, const char* key) {
  const auto found = d.find(key);
  return found != d.end() && found->is_string() ? std::stoull(found->get<std::string>()) : 0;
}

std::string unzip(std::string_view blob) {
  for (std::size_t room = 64 * 1024; room <= 16 * 1024 * 1024; room *= 4) {
    std::string out(room, '\0');
    uLongf size = out.size();
    const auto done = ::uncompress(reinterpret_cast<Bytef*>(out.data()), &size,
                                   reinterpret_cast<const Bytef*>(blob.data()), blob.size());
    if (done == Z_BUF_ERROR) continue;
    out.resize(done == Z_OK ? size : 0);
    return out;
  }
  return {};
}

}  // namespace

bot::bot(agenda& time, std::uint64_t seed, bot_manner how, bot_dialer dial, bot_log& log,
         proto::shard_key lane)
    : time_(time),
      chance_(seed),
      how_(std::move(how)),
      dial_(std::move(dial)),
      log_(log),
      lane_(lane),
      questions_(seed ^ 0xa5c) {}

bot::~bot() {
  if (link_) link_->reset(bot_side::bot);
}

void bot::start() {
  if (running_ || retired_ || leaving_) return;
  running_ = true;
  connect();
}

void bot::give_up_place() {
  leaving_ = true;
  if (phase_ != phase::away) return;
  ++life_;
  running_ = false;
}

std::string_view bot::state() const noexcept {
  if (retired_) return "was told 4010";
  if (!running_) return "does not run";
  if (dozing_) return "dozes";
  switch (phase_) {
    case phase::away:
      return "is away";
    case phase::connected:
      return "waits for HELLO, or to identify";
    case phase::starting:
      return "waits for READY";
    case phase::resuming:
      return "waits for RESUMED";
    case phase::live:
      return "is live";
    case phase::closing:
      return "closes";
  }
  return "";
}

void bot::kill() {
  if (running_) tell("is killed");
  running_ = false;
  hang_up({});
  forget_session();
}

void bot::lose_connection(base::nanoseconds away) {
  if (!running_) return;
  tell("loses its connection");
  hang_up({});
  come_back(away);
}

void bot::vanish(base::nanoseconds away) {
  if (!running_) return;
  tell("vanishes");
  if (link_) {
    link_->silence();
    link_->listen(bot_side::bot, {});  // what its kernel still holds belongs to nobody
  }
  link_.reset();
  hang_up({});
  come_back(away);
}

void bot::close(std::uint16_t code, base::nanoseconds away) {
  // What waits unread when a bot closes cleanly counts as delivered (on_clean_close = sent), as it would with
  // a library whose event loop hangs: no fault of the daemon's, so that a bot that dozes does not do it.
  if (!running_ || !link_ || dozing_ || phase_ == phase::closing) return lose_connection(away);
  tell(fmt::format("closes with {}", code));
  end_spell();
  away_ = away;
  close_code_ = code;
  // Before its RESUME the daemon does not know whose connection this is; and only a bot that leaves for good,
  // and whose last beat showed no lag, has had what was sent to it (lane::grace).
  const bool for_good = code == 1000 || code == 1001 || code == 3000 || code == 3040;
  close_noted_ = for_good && !lagged_ && phase_ == phase::live && session_ != nullptr;
  phase_ = phase::closing;
  ++life_;
  say_frame(net::ws_opcode::close, net::close_payload(code, {}));
  if (close_noted_) {
    session_->closed.push_back({static_cast<std::uint32_t>(session_->received.size()), time_.now()});
  }
  later(base::seconds{5}, [this] {
    hang_up({});
    if (close_code_ == 1000 || close_code_ == 1001) forget_session();
    come_back(away_);
  });
}

void bot::doze(base::nanoseconds span) {
  if (!link_ || dozing_) return;
  tell("dozes");
  end_spell();
  dozing_ = lagged_ = true;
  link_->pause(bot_side::bot, true);
  time_.after(span, [this, link = link_] {
    link->pause(bot_side::bot, false);
    if (link != link_) return;
    dozing_ = false;
    dozed_until_ = woke_at_ = time_.now();
    if (phase_ == phase::live) begin_spell();
  });
}

void bot::want_answer() {
  if (std::exchange(wants_answer_, true)) return;
  begin_asking();
}

void bot::connect() {
  ++life_;
  phase_ = phase::connected;
  anonymous_since_ = woke_at_ = time_.now();
  lagged_ = true;
  beats_.clear();
  decoder_ = std::make_unique<net::ws_decoder>(net::ws_role::client, net::ws_limits{});
  inflater_ = how_.transport == proto::compression::none ? nullptr : proto::inflater::make(how_.transport);
  link_ = dial_(how_.transport);
  link_->listen(bot_side::bot, {[this](std::string_view bytes) { receive(bytes); },
                                {},
                                [this] {
                                  const bool closing = phase_ == phase::closing;
                                  hang_up({});
                                  if (closing && (close_code_ == 1000 || close_code_ == 1001))
                                    forget_session();
                                  come_back(closing ? away_ : backoff);
                                }});
}

void bot::hang_up(base::nanoseconds) {
  ++life_;
  end_spell();
  if (session_ != nullptr && phase_ != phase::away) session_->ended.push_back(time_.now());
  phase_ = phase::away;
  dozing_ = false;
  if (std::exchange(close_noted_, false)) session_->closed.pop_back();
  if (auto link = std::exchange(link_, nullptr)) link->reset(bot_side::bot);
}

void bot::come_back(base::nanoseconds away) {
  if (leaving_) running_ = false;
  if (!running_ || retired_) return;
  later(away + base::nanoseconds(chance_.below(base::nanoseconds(backoff).count())), [this] { connect(); });
}

void bot::forget_session() {
  session_ = nullptr;
}

void bot::die() {
  kill();
  time_.after(base::milliseconds{500} + base::nanoseconds(chance_.below(1'000'000'000)), [this] { start(); });
}

void bot::begin_spell() {
  end_spell();
  if (dozing_ || session_ == nullptr) return;
  spell_ = &log_.live.emplace_back(session_->id, time_.now());
}

void bot::end_spell() {
  if (auto* spell = std::exchange(spell_, nullptr)) spell->to = time_.now();
}

void bot::later(base::nanoseconds wait, std::function<void()> what) {
  time_.after(wait, [this, life = life_, what = std::move(what)] {
    if (life == life_) what();
  });
}

void bot::say(std::string_view text) {
  say_frame(net::ws_opcode::text, text);
}

void bot::say_frame(net::ws_opcode kind, std::string_view payload) {
  if (!link_) return;
  std::string out;
  net::append_frame(out, net::ws_role::client, kind, payload, static_cast<std::uint32_t>(chance_()));
  // A bot's few small frames always find room, or the connection is dead anyway.
  (void)link_->write(bot_side::bot, out);
}

void bot::identify() {
  if (leaving_) return kill();
  tell("identifies");
  phase_ = phase::starting;
  asked_ = time_.now();
  ++log_.identifies;
  say(fmt::format(
      R"({{"op":2,"d":{{"token":"{}","intents":{},"properties":{{"os":"linux","browser":"{}","device":"x"}},"shard":[{},{}],"compress":{},"large_threshold":250}}}})",
      how_.token, how_.intents, how_.answers_requests ? "discord.js" : "D++", lane_.id, lane_.count,
      how_.compress_payloads));
}

void bot::resume() {
  tell("resumes");
  phase_ = phase::resuming;
  say(fmt::format(R"({{"op":6,"d":{{"token":"{}","session_id":"{}","seq":{}}}}})", how_.token, session_->id,
                  session_->received.size()));
}

void bot::beat() {
  if (beats_.size() > 1 && !dozing_) return lose_connection({});  // a zombie
  send_beat();
  later(interval_, [this] { beat(); });
}

void bot::send_beat() {
  const auto seq = session_ == nullptr ? 0 : static_cast<std::uint32_t>(session_->received.size());
  if (!dozing_ && time_.now() - woke_at_ >= catching_up) lagged_ = false;
  beats_.push_back({seq, time_.now()});
  say(seq == 0 ? std::string(R"({"op":1,"d":null})") : fmt::format(R"({{"op":1,"d":{}}})", seq));
}

void bot::begin_asking() {
  if (phase_ != phase::live) return;
  if (wants_answer_) return ask_in({});
  const auto every = base::nanoseconds(how_.asks_every).count();
  if (every > 0) ask_in(base::nanoseconds(chance_.below(2 * static_cast<std::uint64_t>(every))));
}

void bot::ask_in(base::nanoseconds wait) {
  later(wait, [this, turn = ++asking_] {
    if (turn == asking_) ask();
  });
}

void bot::ask() {
  if (phase_ == phase::live && missing_.empty() && !dozing_) {
    const auto text = wants_answer_ ? questions_.wanted(cache_) : questions_.any(cache_);
    if (!text.empty()) say(text);
  }
  if (!wants_answer_) return begin_asking();
  if (!questions_.answered()) ask_in(answer_patience);
}

void bot::receive(std::string_view bytes) {
  while (!bytes.empty() && link_) {
    const auto space = decoder_->prepare(bytes.size());
    const auto count = std::min(space.size(), bytes.size());
    std::memcpy(space.data(), bytes.data(), count);
    decoder_->commit(count);
    bytes.remove_prefix(count);
    net::ws_decoder::item item;
    while (link_) {
      const auto got = decoder_->next(item);
      if (got == net::ws_decoder::outcome::need_more) break;
      if (got == net::ws_decoder::outcome::violation) {
        complain(fmt::format("bad WebSocket bytes: {}", decoder_->violation().what));
        return lose_connection({});
      }
      const auto life = life_;
      take(item);
      if (life != life_ && phase_ != phase::closing) return;
    }
  }
}

void bot::take(const net::ws_decoder::item& item) {
  if (item.opcode == net::ws_opcode::close) return take_close(item.payload);
  if (phase_ == phase::closing) return;
  if (inflater_) {
    const auto text = inflater_->feed(item.payload);
    if (!text) {
      complain("bytes that do not inflate");
      return lose_connection({});
    }
    if (!text->empty()) take_payload(*text);
    return;
  }
  if (item.opcode == net::ws_opcode::binary) return take_payload(unzip(item.payload));
  take_payload(item.payload);
}

void bot::take_close(std::string_view payload) {
  std::uint16_t code = 1005;
  if (payload.size() >= 2) {
    code = static_cast<std::uint16_t>(static_cast<unsigned char>(payload[0]) << 8 |
                                      static_cast<unsigned char>(payload[1]));
  }
  const bool answered = phase_ == phase::closing;
  tell(fmt::format("is closed with {}", code));
  if (!answered) say_frame(net::ws_opcode::close, payload);
  auto link = std::exchange(link_, nullptr);
  link->close(bot_side::bot);
  // The daemon's own close frame, which has a reason, may cross the bot's.
  if (answered && code == close_code_ && payload.size() == 2) close_noted_ = false;
  hang_up({});
  if (answered) {
    if (close_code_ == 1000 || close_code_ == 1001) forget_session();
    return come_back(away_);
  }
  if (code == 4010) {
    forget_session();
    // One of the n that is wanted was overtaken by a straggler of the old one: its supervisor restarts it.
    if (!leaving_) return come_back(backoff);
    retired_ = true;
    running_ = false;
    return;
  }
  // 4000: stopped, or taken over. 4009: it was silent for too long, or its bytes did not arrive. 4003: its
  // machine slept while the daemon waited for it to say who it is.
  const bool late = code == 4003 && (time_.now() - anonymous_since_ >= identify_patience ||
                                     time_.now() - dozed_until_ < identify_patience);
  if (code != 4000 && code != 4009 && !late) complain(fmt::format("closed with {}", code));
  come_back(backoff);
}

/// Escaped halves of surrogate pairs, which Discord passes on and this JSON library does not take.
std::string without_lone_surrogates(std::string_view text) {
  std::string out(text);
  const auto half = [&](std::size_t at, std::string_view which) {
    return at + 6 <= out.size() && out[at] == '\\' && out[at + 1] == 'u' && (out[at + 2] | 0x20) == 'd' &&
           which.find(static_cast<char>(out[at + 3] | 0x20)) != std::string_view::npos;
  };
  for (std::size_t at = 0; at + 1 < out.size(); ++at) {
    if (out[at] != '\\') continue;
    const bool high = half(at,
                           "\x38\x39"
                           "ab");
    if (high && half(at + 6, "cdef")) {
      at += 11;
    } else if (high || half(at, "cdef")) {
      out.replace(at + 2, 4, "fffd");
      at += 5;
    } else {
      ++at;
    }
  }
  return out;
}

void bot::take_payload(std::string_view text) {
  try {
    std::string plain;
    if (text.find("\\ud") != std::string_view::npos) text = plain = without_lone_surrogates(text);
    if (text.size() < large_frame || !take_guild(text)) take_frame(json::parse(text));
  } catch (const json::exception& failure) {
    complain(
        fmt::format("a payload that is not as Discord's: {} in {}", failure.what(), text.substr(0, 200)));
  }
}

/// Guilds are most of the bytes: one that is complete JSON is recorded by its numbers and kept as its text.
/// False when it is another event, or something is wrong with it.
bool bot::take_guild(std::string_view text) {
  simdjson::dom::element frame;
  std::string_view type;
  std::string_view id;
  std::int64_t op = -1;
  std::uint64_t seq = 0;
  std::uint64_t serial = 0;
  if (parser_.parse(text.data(), text.size()).get(frame) != simdjson::SUCCESS) return false;
  const auto d = frame["d"];
  if (frame["t"].get(type) != simdjson::SUCCESS || frame["op"].get(op) != simdjson::SUCCESS ||
      frame["s"].get(seq) != simdjson::SUCCESS || d["id"].get(id) != simdjson::SUCCESS ||
      type != "GUILD_CREATE" || op != 0) {
    return false;
  }
  if (d["_serial"].get(serial) != simdjson::SUCCESS) serial = 0;
  const std::string name(type);
  const std::string key(id);
  const auto guild = std::stoull(key);
  if (!record(name, guild, serial, static_cast<std::uint32_t>(seq))) return true;
  if (!missing_.empty()) guild_of_ready(name, guild);
  cache_.put(key, std::string(text));
  return true;
}

void bot::take_frame(const json& frame) {
  switch (frame.at("op").get<int>()) {
    case 0:
      return dispatch(frame);
    case 1:
      if (how_.answer_delay == base::milliseconds::zero()) return send_beat();
      return later(how_.answer_delay, [this] { send_beat(); });
    case 7:
      return close(4200, {});
    case 9:
      return invalidated(frame.at("d") == true);
    case 10:
      return hello(frame.at("d"));
    case 11:
      if (beats_.empty()) return complain("op 11 without a beat");
      if (session_ != nullptr && beats_.front().seq > 0) {
        session_->acknowledged.push_back({beats_.front().seq, time_.now(), beats_.front().at});
      }
      return beats_.pop_front();
    default:
      return complain("an op that is none");
  }
}

void bot::hello(const json& d) {
  interval_ = base::milliseconds{d.at("heartbeat_interval").get<std::int64_t>()};
  later(base::nanoseconds(chance_.below(static_cast<std::uint64_t>(interval_.count()))), [this] { beat(); });
  session_ == nullptr ? identify() : resume();
}

void bot::invalidated(bool resumable) {
  tell("is told op 9");
  if (resumable) complain("op 9 true, which nothing asks for");
  if (phase_ == phase::resuming) ++log_.resumes_refused;
  forget_session();
  phase_ = phase::connected;
  anonymous_since_ = time_.now();
  later(base::seconds{1} + base::nanoseconds(chance_.below(4'000'000'000)), [this] { identify(); });
}

void bot::dispatch(const json& frame) {
  const auto type = frame.at("t").get<std::string>();
  const auto seq = frame.at("s").get<std::uint32_t>();
  const auto& d = frame.at("d");
  if (type == "READY") return ready(d);
  if (type == "RESUMED" && session_ != nullptr) return resumed(frame);
  if (type == "INTERACTION_CREATE" && session_ != nullptr && phase_ != phase::starting) {
    return interaction(frame);
  }
  proto::snowflake guild = id_in(d, "guild_id");
  if (type == "GUILD_CREATE" || type == "GUILD_UPDATE" || type == "GUILD_DELETE") guild = id_in(d, "id");
  const auto serial = d.value("_serial", std::uint64_t{0});
  if (!record(type, guild, serial, seq)) return;
  if (how_.poison_every > 0 && serial % how_.poison_every == 0 && type == "MESSAGE_CREATE") {
    tell(fmt::format("dies of {}", serial));
    return die();
  }
  if (!missing_.empty()) guild_of_ready(type, guild);
  if (auto why = questions_.wrong(type, d); !why.empty()) complain(std::move(why));
  if (bot_questions::is_answer(type)) ++log_.answers;
  keep(type, d);
}

/// Takes the event's number; false when it breaks a rule.
bool bot::record(const std::string& type, proto::snowflake guild, std::uint64_t serial, std::uint32_t seq) {
  if (session_ == nullptr) return complain("event " + type + " without a session"), false;
  if (phase_ == phase::starting) return complain("event " + type + " before READY"), false;
  const auto last = static_cast<std::uint32_t>(session_->received.size());
  if (seq != last + 1) return complain(fmt::format("{} has number {} after {}", type, seq, last)), false;
  session_->received.push_back({type, guild, serial, time_.now()});
  return true;
}

void bot::keep(const std::string& type, const json& d) {
  if (!how_.keeps_cache && type != "GUILD_CREATE" && type != "GUILD_DELETE") return;
  try {
    cache_.apply(type, d);
  } catch (const std::exception& failure) {
    if (log_.unaligned.contains(session_->received.back().guild)) return;
    complain(fmt::format("{} (serial {}) does not fit what the bot knows: {}", type,
                         session_->received.back().serial, failure.what()));
  }
}

void bot::interaction(const json& frame) {
  const auto& d = frame.at("d");
  const auto guild = id_in(d, "guild_id");
  if (frame.at("s") != session_->received.size())
    complain("an interaction carries another number than the last");
  if (missing_.contains(guild)) complain(fmt::format("an interaction of guild {} comes before it", guild));
  session_->interactions.push_back(
      {"INTERACTION_CREATE", guild, d.value("_serial", std::uint64_t{0}), time_.now()});
}

void bot::ready(const json& d) {
  if (phase_ != phase::starting) return complain("READY without IDENTIFY");
  phase_ = phase::live;
  log_.sessions.push_back(
      {.id = d.at("session_id").get<std::string>(), .lane = lane_, .intents = how_.intents, .asked = asked_});
  session_ = &log_.sessions.back();
  session_->received.push_back({"READY", 0, 0, time_.now()});
  missing_.clear();
  for (const auto& one : d.at("guilds")) {
    const auto id = id_in(one, "id");
    if (!lane_.owns(id)) complain(fmt::format("READY names guild {} of another lane", id));
    session_->guilds.push_back(id);
    missing_.insert(id);
  }
  // Beats that are under way carry numbers of a session before.
  for (auto& beat : beats_) beat.seq = 0;
  session_->backfill = 1 + missing_.size();
  begin_spell();
  tell("is ready");
  cache_ = {};
  cache_.apply("READY", d);
  questions_.begin();
  begin_asking();
}

void bot::guild_of_ready(const std::string& type, proto::snowflake id) {
  if (type != "GUILD_CREATE" && type != "GUILD_DELETE") {
    return complain(fmt::format("{} before the guilds of READY", type));
  }
  if (missing_.erase(id) == 0) complain(fmt::format("guild {} among those of READY is none of them", id));
  (type == "GUILD_DELETE" ? session_->unavailable : session_->available).push_back(id);
}

void bot::resumed(const json& frame) {
  if (phase_ != phase::resuming) return complain("RESUMED without RESUME");
  if (frame.at("s") != session_->received.size()) complain("RESUMED carries another number than the last");
  phase_ = phase::live;
  ++session_->resumes;
  begin_spell();
  tell("has resumed");
  ++log_.resumes;
  begin_asking();
}

void bot::tell(std::string_view what) const {
  if (!log_.narrate) return;
  log_.narrate(fmt::format("bot [{},{}] {} {} {}", lane_.id, lane_.count,
                           session_ == nullptr ? "-" : session_->id.substr(0, 6),
                           session_ == nullptr ? 0 : session_->received.size(), what));
}

void bot::complain(std::string what) {
  log_.breaches.push_back(fmt::format("bot [{},{}] session {}: {}", lane_.id, lane_.count,
                                      session_ == nullptr ? "-" : session_->id, what));
}

}  // namespace evergate::simulation
