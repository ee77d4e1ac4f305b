#include "downstream/backfill.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "downstream/ready_document.h"
#include "proto/guild_trim.h"
#include "proto/json_view.h"

namespace evergate::downstream {

base::result<void> backfill::start(std::shared_ptr<const lane_grant> grant, const std::string& resume_url,
                                   std::string& out) {
  grant_ = std::move(grant);
  next_ = 0;
  seq_ = 0;
  const auto upstream = source_.ready();
  if (!upstream) return std::unexpected(upstream.error());
  if (auto listed = list(); !listed) return listed;
  std::vector<flow::guild_entry> guilds;
  guilds.reserve(entries_.size());
  for (const auto& one : entries_) guilds.push_back(one.guild);
  document_.clear();
  const ready_parts own{grant_->session.id, resume_url, guilds, grant_->session.lane};
  if (auto made = append_ready(*upstream, own, document_); !made) return made;
  if (auto decided = decide(); !decided) return decided;
  self_ = self_id(*upstream);
  writer_.dispatch("READY", ++seq_, document_, out);
  // Without GUILDS a bot is told of the guilds in READY only.
  if ((grant_->session.intents & proto::intent::guilds) == 0) entries_.clear();
  return {};
}

base::result<void> backfill::decide() {
  const auto& decision = grant_->policy->decisions->make_ready;
  if (!decision.overridden()) [[likely]]
    return {};
  const auto& who = grant_->session;
  const ready_question asked{
      .consumer = who.consumer, .lane = who.lane.id, .lanes = who.lane.count, .d = document_};
  auto answer = decision.ask(asked, [](const auto& about) { return std::string(about.d); });
  // RESUME and the journal know the session by its id.
  if (proto::decoded_string(proto::member(answer, "session_id")) != who.id) {
    decision.counts().failed("answer", "changed session_id, which RESUME needs");
    return {};
  }
  document_ = std::move(answer);
  return {};
}

base::result<void> backfill::list() {
  entries_.clear();
  const auto start = grant_->start;
  const auto& older = *grant_->older;
  if (older.settled() <= start) return list_as_of(start, false);
  // After a change of n each guild stands at the cursor of its lane in the older layouts, where that is
  // further: one listing for each such offset, of which only the guilds that stand there are taken.
  std::set<flow::offset> offsets{start};
  for (const auto& layout : older.older()) {
    const auto lane = grant_->session.lane;
    const auto step = std::gcd(layout.lanes, lane.count);
    for (std::uint32_t i = lane.id % step; i < layout.lanes; i += step) {
      offsets.insert(std::max(start, layout.cursors[i]));
    }
  }
  for (const auto as_of : offsets) {
    if (auto listed = list_as_of(as_of, true); !listed) return listed;
  }
  std::ranges::sort(entries_, {}, [](const entry& one) { return one.guild.id; });
  return {};
}

base::result<void> backfill::list_as_of(flow::offset as_of, bool only) {
  const auto guilds = source_.guilds(grant_->session.lane, as_of);
  if (!guilds) return std::unexpected(guilds.error());
  for (const auto& guild : *guilds) {
    if (!grant_->policy->filter.passes_guild(guild.id)) continue;
    if (only && std::max(grant_->start, grant_->older->from(guild.id)) != as_of) continue;
    entries_.push_back({.guild = guild, .as_of = as_of});
  }
  return {};
}

base::result<bool> backfill::pump(std::size_t budget, std::string& out) {
  const std::size_t begin = out.size();
  for (; next_ < entries_.size(); ++next_) {
    if (out.size() - begin >= budget) return false;
    if (auto done = write(entries_[next_], out); !done) return std::unexpected(done.error());
  }
  std::string().swap(document_);
  std::string().swap(trimmed_);
  return true;
}

base::result<void> backfill::bring_forward(proto::snowflake guild, std::string& out) {
  const auto found =
      std::ranges::lower_bound(entries_, guild, {}, [](const entry& one) { return one.guild.id; });
  if (found == entries_.end() || found->guild.id != guild) return {};
  return write(*found, out);
}

base::result<void> backfill::write(entry& one, std::string& out) {
  if (std::exchange(one.written, true)) return {};
  document_.clear();
  bool there = false;
  if (one.guild.available) {
    const auto read = source_.guild(one.guild.id, one.as_of, document_);
    if (!read) return std::unexpected(read.error());
    there = *read;
  }
  if (!there) {
    writer_.dispatch("GUILD_DELETE", ++seq_, fmt::format(R"({{"id":"{}","unavailable":true}})", one.guild.id),
                     out);
    return {};
  }
  trimmed_.clear();
  proto::trim_guild(document_, grant_->session.intents, grant_->traits.large_threshold, self_, trimmed_);
  writer_.dispatch("GUILD_CREATE", ++seq_, trimmed_, out);
  return {};
}

}  // namespace evergate::downstream
