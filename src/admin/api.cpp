#include "admin/api.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include "admin/drain_watch.h"
#include "admin/json_writer.h"
#include "admin/request_body.h"
#include "downstream/errc.h"
#include "flow/position.h"

namespace evergate::admin {
namespace {

using where = parameter::place;

const parameter consumer_name{"name", where::path, "string", true, "The consumer's name, for example main"};

constexpr base::milliseconds look_interval{10};

answer unknown_consumer(const base::error& why) {
  return failure(404, "unknown_consumer", why.detail);
}

void write_consumer(downstream::guarded_consumer& one, flow::offset head, json_writer& out) {
  const std::scoped_lock lock(one.mutex);
  const auto& record = one.body.record();
  const auto& policy = one.body.policy();
  out.object().put("name", record.name).put("paused", record.paused).put("read_only", policy.read_only);
  out.put("sessions", one.body.sessions()).put("layouts", record.layouts.size());
  out.put("commands_vetoed", one.body.commands_vetoed());
  out.object("given_up");
  const char* const classes[] = {"ephemeral", "message", "state"};
  for (std::size_t i = 0; i < record.given_up.size(); ++i) out.put(classes[i], record.given_up[i]);
  out.end();
  out.object("interactions").put("sent", one.body.interactions_sent());
  out.put("expired", one.body.interactions_expired()).end();
  out.array("lanes");
  for (const auto& lane : one.body.status()) {
    out.object().array("lane").put(lane.lane.id).put(lane.lane.count).end();
    out.put("connected", lane.connected).put("held", lane.held).put("seq", lane.seq);
    out.put("in_flight", lane.unacknowledged).put("cursor", lane.cursor.value);
    out.put("position", lane.position.value);
    out.put("lag", head.value - std::min(head.value, lane.position.value)).end();
  }
  out.end().end();
}

answer consumer_answer(downstream::guarded_consumer& one, flow::offset head) {
  json_writer out;
  write_consumer(one, head, out);
  return {200, out.take()};
}

}  // namespace

api::api(ground around, net::event_loop& loop) : around_(std::move(around)), loop_(loop) {}

api::~api() = default;

std::vector<operation> api::operations() {
  std::vector<operation> out;
  add_reading(out);
  add_verbs(out);
  add_giving_up(out);
  add_letters(out);
  add_resharding(out);
  add_controllers(out);
  return out;
}

void api::add_reading(std::vector<operation>& to) {
  to.push_back({"GET", "/v1/status", "status", "The daemon as a whole", {}, [this](const call&, reply back) {
                  back(status());
                }});
  to.push_back(
      {"GET", "/v1/shards", "shards", "Every shard held, ascending", {}, [this](const call&, reply back) {
         back(list_shards());
       }});
  to.push_back(
      {"GET", "/v1/workers", "workers", "Every worker and its load", {}, [this](const call&, reply back) {
         back(list_workers());
       }});
  to.push_back({"GET",
                "/v1/consumers",
                "consumers",
                "Every consumer and its lanes",
                {},
                [this](const call&, reply back) { back(list_consumers()); }});
  to.push_back({"GET",
                "/v1/consumers/{name}",
                "consumer",
                "One consumer and its lanes",
                {consumer_name},
                [this](const call& asked, reply back) { back(show_consumer(asked.path.at("name"))); }});
  to.push_back({"GET",
                "/v1/gaps",
                "gaps",
                "The newest GAP records: stretches of events that were lost or given up",
                {{"after", where::query, "integer", false, "Only those past this offset"}},
                [this](const call& asked, reply back) { back(list_gaps(asked)); }});
}

void api::add_verbs(std::vector<operation>& to) {
  auto& control = around_.bots.control();
  const auto verb = [this](auto work) {
    return [this, work](const call& asked, reply back) {
      const auto name = asked.path.at("name");
      answer_when_durable(name, std::move(back), [&](auto done) { return work(name, std::move(done)); });
    };
  };
  to.push_back(
      {"POST",
       "/v1/consumers/{name}/pause",
       "pause",
       "Nothing is delivered to the consumer until it is resumed, over restarts too; events queue and "
       "its bots stay connected",
       {consumer_name},
       verb([&control](const auto& name, auto done) { return control.pause(name, std::move(done)); })});
  to.push_back(
      {"POST",
       "/v1/consumers/{name}/resume",
       "resume",
       "Ends a pause, and what a drain holds",
       {consumer_name},
       verb([&control](const auto& name, auto done) { return control.go_on(name, std::move(done)); })});
  to.push_back(
      {"POST",
       "/v1/consumers/{name}/drain",
       "drain",
       "Holds delivery to the consumer's bots and waits until what they were sent is acknowledged. A lane "
       "stays held until another bot takes it, a resume, or drain_hold_max",
       {consumer_name,
        {"timeout", where::body, "string", false,
         "How long to wait, for example \"30s\"; default downstream.drain_timeout"}},
       [this](const call& asked, reply back) { drain(asked, std::move(back)); }});
}

void api::add_giving_up(std::vector<operation>& to) {
  to.push_back(
      {"POST",
       "/v1/consumers/{name}/skip",
       "skip",
       "Gives up what is queued for the consumer up to a position; counted, with a GAP record. Bots that "
       "are not past it begin anew, with their guilds as of there",
       {consumer_name,
        {"to", where::body, "string", true,
         "\"now\", an offset, or a time such as \"2026-11-25T08:00:00Z\""}},
       [this](const call& asked, reply back) { skip(asked, std::move(back)); }});
  to.push_back(
      {"POST",
       "/v1/consumers/{name}/drop-class",
       "drop_class",
       "Gives up one class of what is queued for the consumer now; counted, with a GAP record unless it is "
       "ephemeral",
       {consumer_name, {"class", where::body, "string", true, "\"ephemeral\" or \"message\""}},
       [this](const call& asked, reply back) { drop_class(asked, std::move(back)); }});
}

void api::skip(const call& asked, reply back) {
  const auto given = request_body(asked.body).text("to");
  if (!given) return back(failure(400, "bad_request", given.error().detail));
  const auto to = flow::parse_position(*given);
  if (!to) {
    return back(failure(400, "bad_request",
                        "to: must be \"now\", an offset, or a time such as \"2026-11-25T08:00:00Z\""));
  }
  const auto name = asked.path.at("name");
  answer_when_durable(name, std::move(back),
                      [&](auto done) { return around_.bots.control().skip(name, *to, std::move(done)); });
}

void api::drop_class(const call& asked, reply back) {
  const auto given = request_body(asked.body).text("class");
  const bool ephemeral = given && *given == "ephemeral";
  if (!ephemeral && (!given || *given != "message")) {
    return back(failure(400, "bad_request", "class: must be \"ephemeral\" or \"message\""));
  }
  const auto what = ephemeral ? proto::event_class::ephemeral : proto::event_class::message;
  const auto name = asked.path.at("name");
  answer_when_durable(name, std::move(back), [&](auto done) {
    return around_.bots.control().drop_class(name, what, std::move(done));
  });
}

void api::answer_when_durable(
    const std::string& name, reply back,
    const std::function<base::result<void>(std::move_only_function<void()>)>& work) {
  auto shared = std::make_shared<reply>(std::move(back));
  // Called by the journal's thread, perhaps after the API's end.
  const auto done =
      work([this, name, shared] { shared->made_there([this, name] { return show_consumer(name); }); });
  if (done) return;
  if (done.error().code == downstream::errc::unknown_consumer)
    return (*shared)(unknown_consumer(done.error()));
  (*shared)(failure(500, "failed", done.error().text()));
}

answer api::status() const {
  const auto journal = around_.store.status();
  const auto shards = around_.shards();
  std::map<std::string_view, std::uint64_t> states;
  for (const auto& one : shards) ++states[one.state];
  json_writer out;
  out.object().put("version", around_.version);
  const auto uptime = std::chrono::duration_cast<base::seconds>(base::boot_clock::now() - started_);
  out.put("uptime_s", uptime.count());
  if (around_.fatal) out.put("fatal", around_.fatal());
  out.object("shards").put("count", around_.fleet.shard_count()).put("held", shards.size());
  out.put("ready", around_.fleet.shards_ready()).object("states");
  for (const auto& [state, count] : states) out.put(state, count);
  out.end().end();
  out.object("journal").put("head", journal.book.head).put("lost_before", journal.book.lost_before);
  out.put("gaps", journal.book.gaps).put("guilds", journal.guilds);
  out.put("guilds_awaiting", journal.guilds_awaiting).put("stalled", journal.stalled);
  out.put("damaged", journal.damaged).put("last_error", journal.last_error).object("classes");
  const char* const classes[] = {"ephemeral", "message", "state"};
  for (std::size_t i = 0; i < journal.book.classes.size(); ++i) {
    const auto& one = journal.book.classes[i];
    out.object(classes[i]).put("events", one.events).put("bytes", one.bytes);
    out.put("evicted", one.evicted).put("evicted_unacknowledged", one.evicted_unacked).end();
  }
  out.end().end();
  out.put("connections", around_.bots.connections());
  out.put("consumers", around_.bots.readers().all().size()).end();
  return {200, out.take()};
}

answer api::list_shards() const {
  json_writer out;
  out.object().array("shards");
  for (const auto& one : around_.shards()) {
    out.object().array("shard").put(one.shard.id).put(one.shard.count).end();
    out.put("state", one.state).put("session", one.session).put("worker", one.worker);
    out.put("latency_us", one.latency_us).put("seq", one.seq).put("seq_committed", one.seq_committed);
    if (one.last_event_ms > 0) out.put("last_event", flow::rfc3339(one.last_event_ms));
    out.put("events", one.events).put("connects", one.connects).put("identifies", one.identifies);
    out.put("identifies_refused", one.identifies_refused).put("resumes", one.resumes).put("gaps", one.gaps);
    out.put("zombies", one.zombies).put("commands_queued", one.commands_queued).end();
  }
  out.end().end();
  return {200, out.take()};
}

answer api::list_workers() const {
  json_writer out;
  out.object().array("workers");
  for (const auto& one : around_.workers()) {
    out.object().put("worker", one.id).put("shards", one.shards).put("connections", one.connections);
    out.put("busy", one.busy).put("events_per_second", one.events_per_second).put("events", one.events).end();
  }
  out.end().end();
  return {200, out.take()};
}

answer api::list_consumers() const {
  const auto head = around_.store.head();
  json_writer out;
  out.object().put("head", head.value).array("consumers");
  for (auto* one : around_.bots.readers().all()) write_consumer(*one, head, out);
  const auto& letters = around_.bots.readers().letters();
  out.end().object("dead_letters").put("kept", letters.size()).put("pushed_out", letters.pushed_out());
  out.end().end();
  return {200, out.take()};
}

answer api::show_consumer(std::string_view name) const {
  auto* one = around_.bots.readers().find(name);
  if (one == nullptr) {
    return failure(404, "unknown_consumer", fmt::format("no consumer {} has ever read", name));
  }
  return consumer_answer(*one, around_.store.head());
}

answer api::list_gaps(const call& asked) const {
  std::uint64_t after = 0;
  if (const auto text = asked.query("after")) {
    const auto* const last = text->data() + text->size();
    const auto [end, failed] = std::from_chars(text->data(), last, after);
    if (failed != std::errc{} || end != last) {
      return failure(400, "bad_request", "after: must be an offset, a number");
    }
  }
  json_writer out;
  out.object().put("total", around_.store.status().book.gaps).array("gaps");
  for (const auto& gap : around_.store.gaps()) {
    if (gap.offset <= after) continue;
    out.object().put("offset", gap.offset).raw("gap", gap.d).end();
  }
  out.end().end();
  return {200, out.take()};
}

void api::drain(const call& asked, reply back) {
  const auto name = asked.path.at("name");
  const request_body body(asked.body);
  const auto timeout = body.duration("timeout", around_.drain_timeout);
  if (!timeout) return back(failure(400, "bad_request", timeout.error().detail));
  auto& control = around_.bots.control();
  if (const auto begun = control.drain(name, *timeout, around_.drain_hold_max); !begun) {
    return back(unknown_consumer(begun.error()));
  }
  const auto until = base::boot_clock::now() + *timeout;
  drains_.push_back(std::make_unique<drain_watch>(control, name, until, std::move(back)));
  watch();
}

void api::watch() {
  const auto now = base::boot_clock::now();
  std::erase_if(drains_, [now](const auto& one) { return one->look(now); });
  if (drains_.empty()) return;
  if (!timer_) timer_ = std::make_unique<net::timer>(loop_);
  timer_->arm_in(look_interval, [this] { watch(); });
}

void api::close() {
  timer_.reset();
  drains_.clear();
}

}  // namespace evergate::admin
