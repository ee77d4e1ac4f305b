#include "journal/losses.h"

#include <fmt/format.h>

#include <algorithm>

#include "journal/bytes.h"

namespace evergate::journal {
namespace {

constexpr std::uint8_t loss_format = 1;

flow::offset dropped_to(const flow::consumer_record& consumer, proto::event_class of) {
  return consumer.dropped[static_cast<std::size_t>(of)];
}

/// An event is due when it is past the cursor of its guild's lane in each layout.
bool is_due(const flow::consumer_record& consumer, const flow::event_row& row) {
  if (consumer.layouts.empty() || row.offset <= dropped_to(consumer, row.retention)) return false;
  return std::ranges::all_of(consumer.layouts, [&](const flow::layout_record& layout) {
    const auto lane = (row.guild >> 22) % layout.lanes;
    const bool own = row.type == proto::event_type::interaction_create && lane < layout.interactions.size();
    const auto& past = own ? layout.interactions : layout.cursors;
    return lane < past.size() && row.offset > past[lane];
  });
}

bool is_behind(const flow::consumer_record& consumer, proto::event_class of, std::uint64_t offset) {
  if (dropped_to(consumer, of).value >= offset) return false;
  return std::ranges::any_of(consumer.layouts, [offset](const flow::layout_record& layout) {
    return std::ranges::any_of(layout.cursors, [offset](flow::offset at) { return at.value < offset; });
  });
}

}  // namespace

void loss::add(const loss& more) noexcept {
  if (first == 0) since_ms = more.since_ms;
  first = first == 0 ? more.first : std::min(first, more.first);
  last = std::max(last, more.last);
  messages += more.messages;
  state += more.state;
  damaged += more.damaged;
}

void add_lost(const blob_view& blob, const consumer_map& consumers, std::int64_t time_ms, losses& out) {
  const auto of = static_cast<proto::event_class>(blob.header().retention);
  if (of == proto::event_class::ephemeral) return;
  for (const auto& [name, consumer] : consumers) {
    if (!is_behind(consumer, of, blob.header().last)) continue;
    loss here{.since_ms = time_ms};
    for (std::uint32_t i = 0; i < blob.header().rows; ++i) {
      const auto row = blob.row(i);
      if ((row.flags & flow::row_flag::internal) != 0 || !is_due(consumer, row)) continue;
      if (here.first == 0) here.first = row.offset.value;
      here.last = row.offset.value;
      ++(of == proto::event_class::state ? here.state : here.messages);
    }
    if (here.first != 0) out[name].add(here);
  }
}

void add_damaged(proto::event_class of, std::uint64_t first, std::uint64_t last,
                 const consumer_map& consumers, std::int64_t time_ms, losses& out) {
  if (of == proto::event_class::ephemeral) return;
  for (const auto& [name, consumer] : consumers) {
    if (!is_behind(consumer, of, last)) continue;
    out[name].add({.first = first, .last = last, .damaged = 1, .since_ms = time_ms});
  }
}

flow::gap_record gap_of(const std::string& consumer, const loss& what) {
  flow::gap_record out;
  out.shard = {0, 0};
  out.time_ms = what.since_ms;
  out.consumer = consumer;
  out.cause = fmt::format("evicted {}-{}: {} messages, {} of state", what.first, what.last, what.messages,
                          what.state);
  if (what.damaged > 0) out.cause += fmt::format(", {} damaged batches", what.damaged);
  return out;
}

void encode(const loss& value, std::string& out) {
  put_number(out, loss_format);
  for (const auto number : {value.first, value.last, value.messages, value.state, value.damaged}) {
    put_number(out, number);
  }
  put_number(out, value.since_ms);
}

bool decode(std::string_view text, loss& value) {
  byte_reader in(text);
  if (in.number<std::uint8_t>() != loss_format) return false;
  for (auto* number : {&value.first, &value.last, &value.messages, &value.state, &value.damaged}) {
    *number = in.number<std::uint64_t>();
  }
  value.since_ms = in.number<std::int64_t>();
  return in.finished();
}

}  // namespace evergate::journal
