#include "daemon/admin_command.h"

#include <fmt/format.h>

#include <cstdio>

#include "app/admin_access.h"
#include "app/configuration.h"
#include "daemon/admin_call.h"
#include "daemon/admin_print.h"
#include "proto/json_view.h"

namespace evergate::daemon {
namespace {

constexpr base::milliseconds drain_patience{24 * 3'600'000};  // the daemon's own timeout ends it

constexpr base::milliseconds reshard_patience{60'000};  // Discord is asked for the budget

int complain(const std::string& what, int status) {
  std::fprintf(stderr, "evergate: %s\n", what.c_str());
  return status;
}

/// `{"key":"value",…}` of those that are given.
std::string body_of(std::initializer_list<std::pair<const char*, const std::string&>> members) {
  std::string out = "{";
  for (const auto& [key, value] : members) {
    if (value.empty()) continue;
    if (out.size() > 1) out += ',';
    proto::append_quoted(out, key);
    out += ':';
    proto::append_quoted(out, value);
  }
  return out + '}';
}

bool is_drained(std::string_view json) {
  return proto::member(json, "drained") == "true";
}

}  // namespace

admin_commands::admin_commands(CLI::App& cli, std::string& config) : cli_(cli), config_(config) {
  add("status", "What the daemon does",
      [] { return wish{.path = "/v1/status", .print = admin_print::status}; });
  add("shards", "Every shard held", [] { return wish{.path = "/v1/shards", .print = admin_print::shards}; });
  add("workers", "Every worker and its load",
      [] { return wish{.path = "/v1/workers", .print = admin_print::workers}; });
  add("gaps", "Stretches of events that were lost or given up",
      [] { return wish{.path = "/v1/gaps", .print = admin_print::gaps}; });
  auto* list = add("consumers", "Every consumer and its lanes, or one", [this] {
    if (consumer_.empty()) return wish{.path = "/v1/consumers", .print = admin_print::consumers};
    return wish{.path = "/v1/consumers/" + consumer_, .print = admin_print::consumer};
  });
  list->add_option("NAME", consumer_, "Only this one");
  auto* drain =
      add("drain", "Hold a consumer's bots and wait until they have acknowledged everything", [this] {
        return wish{.method = "POST",
                    .path = fmt::format("/v1/consumers/{}/drain", consumer_),
                    .body = body_of({{"timeout", timeout_}}),
                    .patience = drain_patience,
                    .print = admin_print::drain,
                    .done = is_drained};
      });
  drain->add_option("NAME", consumer_, "The consumer")->required();
  drain->add_option("--timeout", timeout_, "How long to wait, for example 30s");
  auto* skip = add("skip", "Give up what is queued for a consumer", [this] {
    return wish{.method = "POST",
                .path = fmt::format("/v1/consumers/{}/skip", consumer_),
                .body = body_of({{"to", to_}}),
                .print = admin_print::consumer};
  });
  skip->add_option("NAME", consumer_, "The consumer")->required();
  skip->add_option("--to", to_, "now, an offset, or a time such as 2026-11-25T08:00:00Z")->required();
  auto* drop = add("drop-class", "Give up one class of what is queued for a consumer", [this] {
    return wish{.method = "POST",
                .path = fmt::format("/v1/consumers/{}/drop-class", consumer_),
                .body = body_of({{"class", class_}}),
                .print = admin_print::consumer};
  });
  drop->add_option("NAME", consumer_, "The consumer")->required();
  drop->add_option("CLASS", class_, "ephemeral or message")->required();
  add_dead_letters();
  add_reshard();
  auto* controllers =
      add("controllers", "How overrides of controllers do; reload: read their script again", [this] {
        const bool reload = action_ == "reload";
        return wish{.method = reload ? "POST" : "GET",
                    .path = reload ? "/v1/controllers/reload" : "/v1/controllers",
                    .print = admin_print::controllers};
      });
  controllers->add_option("ACTION", action_, "reload")->check(CLI::IsMember({"reload"}));
  add_verb("pause", "Deliver nothing to a consumer; its events queue", admin_print::consumer);
  add_verb("resume", "Deliver again to a consumer that was paused or drained", admin_print::consumer);
}

void admin_commands::add_dead_letters() {
  auto* letters =
      add("dead-letters", "Events that bots died of: all, or one to show, replay or discard", [this] {
        if (action_.empty()) return wish{.path = "/v1/dead-letters", .print = admin_print::letters};
        const auto path = fmt::format("/v1/consumers/{}/dead-letters/{}", consumer_, offset_);
        if (action_ == "replay") {
          return wish{.method = "POST", .path = path + "/replay", .print = admin_print::as_it_came};
        }
        return wish{.method = action_ == "discard" ? "DELETE" : "GET",
                    .path = path,
                    .print = admin_print::as_it_came};
      });
  auto* action = letters->add_option("ACTION", action_, "show, replay or discard");
  action->check(CLI::IsMember({"show", "replay", "discard"}));
  auto* name = letters->add_option("NAME", consumer_, "The consumer");
  auto* offset = letters->add_option("OFFSET", offset_, "The event's offset")->check(CLI::NonNegativeNumber);
  action->needs(name);
  action->needs(offset);
}

void admin_commands::add_reshard() {
  auto* reshard = add("reshard", "Take the bot's sessions to another count of shards", [this] {
    wish out{.path = "/v1/reshard", .patience = reshard_patience, .print = admin_print::reshard};
    if (action_ == "status") return out;
    out.path += '/' + action_;
    out.method = action_ == "plan" ? "GET" : "POST";
    if (action_ != "abort") out.print = admin_print::reshard_plan;
    if (action_ == "plan" && !count_.empty()) out.path += "?shards=" + count_;
    if (action_ == "start") out.body = body_of({{"shards", count_}});
    return out;
  });
  reshard->add_option("ACTION", action_, "plan, start, status or abort")
      ->required()
      ->check(CLI::IsMember({"plan", "start", "status", "abort"}));
  reshard->add_option("SHARDS", count_, "Their count; not given: what it is time for")
      ->check(CLI::PositiveNumber);
}

CLI::App* admin_commands::add(const char* name, const char* help, maker make) {
  auto* command = cli_.add_subcommand(name, help);
  command->add_option("--config", config_, "The daemon's TOML file: tells where it listens and its token");
  command->add_option("--url", url_, "Where the admin API is, instead of what the configuration says");
  command->add_flag("--json", json_, "Print the answer as it came");
  all_.emplace_back(command, std::move(make));
  return command;
}

CLI::App* admin_commands::add_verb(const char* name, const char* help,
                                   std::string (*print)(std::string_view)) {
  auto* command = add(name, help, [this, name, print] {
    return wish{
        .method = "POST", .path = fmt::format("/v1/consumers/{}/{}", consumer_, name), .print = print};
  });
  command->add_option("NAME", consumer_, "The consumer")->required();
  return command;
}

bool admin_commands::run(int& status) const {
  for (const auto& [command, make] : all_) {
    if (!command->parsed()) continue;
    status = send(make());
    return true;
  }
  return false;
}

int admin_commands::send(const wish& what) const {
  const auto options = app::load_without_token(config_, process_environment());
  if (!options) return complain(options.error().text(), exit_misused);
  auto where = app::find_admin(*options);
  if (!where) return complain(where.error().text(), exit_misused);
  if (!url_.empty()) where->url = url_;
  const auto got = call_admin(*where, what.method, what.path, what.body, what.patience);
  if (!got) {
    return complain(fmt::format("{} does not answer: {}", where->url, got.error().text()), exit_unreachable);
  }
  if (got->status != 200) return complain(admin_print::failure(got->body), exit_refused);
  std::fputs(json_ ? got->body.c_str() : what.print(got->body).c_str(), stdout);
  return what.done == nullptr || what.done(got->body) ? exit_done : exit_refused;
}

}  // namespace evergate::daemon
