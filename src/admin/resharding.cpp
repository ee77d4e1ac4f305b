// The part of the api that deals with resharding: its plan, its beginning and end, and how far it is.
#include <charconv>

#include "admin/api.h"
#include "admin/json_writer.h"
#include "admin/request_body.h"
#include "flow/position.h"

namespace evergate::admin {
namespace {

using where = parameter::place;

constexpr std::uint32_t shards_max = 65'535;

answer plan_answer(const result<resharding_plan>& plan) {
  if (!plan) return failure(409, "not_now", plan.error().detail);
  json_writer out;
  out.object().put("current", plan->current).put("target", plan->target).put("identifies", plan->identifies);
  out.put("seconds", plan->seconds).put("remaining_after", plan->remaining_after);
  out.put("fullest_percent", plan->fullest_percent).put("fullest_after_percent", plan->fullest_after_percent);
  out.put("cause", plan->cause).put("possible", plan->refusal.empty()).put("refusal", plan->refusal);
  out.put("text", plan->text).end();
  return {200, out.take()};
}

answer status_answer(const resharding_status& now) {
  json_writer out;
  out.object().put("phase", now.phase);
  if (now.phase != "idle") {
    out.put("from", now.from).put("to", now.to).put("began", flow::rfc3339(now.began_ms));
    out.put("cause", now.cause).put("abort_cause", now.abort_cause).put("ready_shards", now.ready_shards);
    out.put("guilds", now.guilds).put("guilds_left", now.guilds_left);
  }
  out.put("refusal", now.refusal).raw("last", now.last.empty() ? "null" : now.last).end();
  return {200, out.take()};
}

/// 0 when it is not given; nothing when it is no count.
std::optional<std::uint32_t> count_of(std::string_view text) {
  if (text.empty()) return 0;
  std::uint32_t out = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool whole = failed == std::errc{} && end == text.data() + text.size();
  return whole && out >= 1 && out <= shards_max ? std::optional(out) : std::nullopt;
}

answer bad_count(std::string_view text) {
  return failure(400, "bad_request", "shards: \"" + std::string(text) + "\", allowed are 1 to 65535");
}

resharding_verbs::answer plan_to(reply back) {
  return [back = std::move(back)](result<resharding_plan> plan) mutable { back(plan_answer(plan)); };
}

}  // namespace

void api::add_resharding(std::vector<operation>& to) {
  const auto help = "The count of shards; not given: what guilds and Discord's recommendation call for";
  to.push_back({"GET",
                "/v1/reshard",
                "reshard_status",
                "How far a resharding is, why none begins, and what came of the last one",
                {},
                [this](const call&, reply back) { back(status_answer(around_.resharding.status())); }});
  to.push_back({"GET",
                "/v1/reshard/plan",
                "reshard_plan",
                "What a resharding would cost. Nothing is done",
                {{"shards", where::query, "integer", false, help}},
                [this](const call& asked, reply back) {
                  const auto text = asked.query("shards").value_or("");
                  const auto shards = count_of(text);
                  if (!shards) return back(bad_count(text));
                  around_.resharding.plan(*shards, plan_to(std::move(back)));
                }});
  to.push_back({"POST",
                "/v1/reshard/start",
                "reshard_start",
                "Begins a resharding and answers with its plan",
                {{"shards", where::body, "integer", false, help}},
                [this](const call& asked, reply back) {
                  const auto text = request_body(asked.body).text("shards");
                  if (!text) return back(failure(400, "bad_request", text.error().detail));
                  const auto shards = count_of(*text);
                  if (!shards) return back(bad_count(*text));
                  around_.resharding.start(*shards, plan_to(std::move(back)));
                }});
  to.push_back({"POST",
                "/v1/reshard/abort",
                "reshard_abort",
                "Has every guild return to the old shards and closes the new ones",
                {},
                [this](const call&, reply back) {
                  around_.resharding.abort(
                      [this, back = std::move(back)](const result<resharding_plan>& done) mutable {
                        if (!done) return back(failure(409, "not_now", done.error().detail));
                        back.made_there([this] { return status_answer(around_.resharding.status()); });
                      });
                }});
}

}  // namespace evergate::admin
