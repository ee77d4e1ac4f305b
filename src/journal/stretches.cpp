#include "journal/stretches.h"

#include "journal/event_blob.h"

namespace evergate::journal {
namespace {

/// The part of a blob past `after` and up to `upto`; without events when there is none, or when the blob is
/// damaged: then its readers get none either.
flow::stretch cut(const cursor& at, flow::offset after, flow::offset upto) {
  flow::stretch out;
  const auto blob = blob_view::parse(at.key(), at.value());
  if (!blob) return out;
  out.time_ms = blob->header().time_ms;
  for (std::uint32_t i = 0; i < blob->header().rows; ++i) {
    const auto row = blob->row(i);
    if (row.offset <= after || row.offset > upto || (row.flags & flow::row_flag::internal) != 0) continue;
    if (out.events++ == 0) out.first = row.offset;
    out.last = row.offset;
    out.bytes += row.size;
  }
  return out;
}

}  // namespace

base::result<void> stretches_in(snapshot& view, proto::event_class of, flow::offset after, flow::offset upto,
                                const std::function<bool(const flow::stretch&)>& each) {
  auto at = view.scan(table::events);
  if (!at) return std::unexpected(at.error());
  // The one before may reach past `after`.
  auto more = (*at)->seek_before(blob_key(of, after.value + 1));
  if (more && (!*more || class_of_key((*at)->key()) != of)) more = (*at)->seek(blob_key(of, after.value + 1));
  for (; more && *more && class_of_key((*at)->key()) == of; more = (*at)->next()) {
    // What is damaged is its readers' affair; it has no events any more.
    const auto header = peek_header((*at)->key(), (*at)->value());
    if (!header || header->last <= after.value) continue;
    if (header->first > upto.value) return {};
    flow::stretch one{.first = {header->first},
                      .last = {header->last},
                      .events = events_in(*header),
                      .bytes = (*at)->value().size(),
                      .time_ms = header->time_ms};
    if (one.first <= after || one.last > upto) one = cut(**at, after, upto);
    if (one.events > 0 && !each(one)) return {};
  }
  if (!more) return std::unexpected(more.error());
  return {};
}

}  // namespace evergate::journal
