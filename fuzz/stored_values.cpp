// Any bytes as a stored value: refused, or a value that encodes to the same bytes. Event blobs are also made
// with right checksums around drawn rows, so that what lies behind the checksums is judged too.
//
// Input: one byte for the kind of value, then its bytes.
#include <cstring>
#include <string>
#include <vector>

#include "base/check.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "journal/document_codec.h"
#include "journal/event_blob.h"
#include "journal/losses.h"
#include "journal/records.h"
#include "journal/sealed.h"

namespace evergate::fuzz {
namespace {

using base::check;
using journal::blob_header;

template <class Value>
void decode_and_back(std::string_view bytes) {
  Value value;
  if (!journal::decode(bytes, value)) return;
  std::string again;
  journal::encode(value, again);
  check(again == bytes, "what is decoded encodes to the same bytes");
}

void version(std::string_view bytes) {
  decode_and_back<journal::version_record>(bytes);
  journal::version_record record;
  if (!journal::decode(bytes, record)) return;
  constexpr std::size_t most = 1 << 20;
  const auto text = journal::decompressed(record.compressed, record.raw_bytes, most);
  check(!text || (text->size() == record.raw_bytes && text->size() <= most),
        "a document of the size it says");
}

void read_blob(std::string_view key, std::string_view value) {
  const auto header = journal::peek_header(key, value);
  const auto blob = journal::blob_view::parse(key, value);
  check(!blob || header, "what is read whole has a header");
  if (!blob) return;
  for (std::uint32_t i = 0; i < blob->header().rows; ++i) {
    const auto row = blob->row(i);
    check(blob->data(row).size() == row.size, "a row's bytes lie inside");
    (void)proto::info_of(row.type);
    (void)blob->effect(i);
    check(blob->guild(i) == row.guild, "one guild");
  }
  for (std::uint32_t i = 0; i < blob->header().counters; ++i) (void)blob->counter(i);
  (void)blob->verify_bytes();
}

/// A blob of drawn rows under a header that fits its key, with the checksums of what is there.
void sealed_blob(input& in) {
  blob_header header;
  header.retention = in.byte() % proto::event_class_count;
  header.rows = in.byte() % 8;
  header.counters = in.byte() % 4;
  header.first = header.round_first = in.number(8);
  header.last = header.round_last = in.number(8);
  const std::size_t index =
      header.rows * sizeof(flow::event_row) + header.counters * sizeof(flow::counter_row);
  std::string body(in.take(index));
  body.resize(index);
  body += in.rest();
  header.bytes = body.size() - index;
  const auto key = journal::blob_key(static_cast<proto::event_class>(header.retention), header.first);
  const auto seed = journal::seal_seed(journal::table::events, key);
  header.bytes_checksum = journal::checksum(std::string_view(body).substr(index), seed);
  const auto raw = [&header] { return std::string(reinterpret_cast<const char*>(&header), sizeof(header)); };
  header.index_checksum =
      journal::checksum(std::string_view(body).substr(0, index), journal::checksum(raw(), seed));
  read_blob(key, raw() + body);
}

/// What the builder writes is read back.
void built_blob(input& in) {
  flow::event_batch batch;
  journal::blob_builder builder;
  std::uint64_t at = 1 + in.number(4);
  const auto first = at;
  for (unsigned rows = in.byte() % 16 + 1U; rows > 0; --rows) {
    flow::event_row row;
    row.offset.value = at;
    row.pos = static_cast<std::uint32_t>(batch.arena.size());
    row.name_size = in.byte() % 65;
    const auto text = in.text();
    batch.arena.append(std::string(row.name_size, 'N')).append(text);
    row.size = static_cast<std::uint32_t>(text.size());
    row.guild = in.number(8);
    row.retention = proto::event_class::state;
    batch.rows.push_back(row);
    at += 1 + in.byte();
  }
  for (std::uint32_t i = 0; i < batch.rows.size(); ++i) builder.add(batch, i, journal::guild_effect::removed);
  blob_header header;
  header.retention = static_cast<std::uint8_t>(proto::event_class::state);
  header.round_first = first;
  header.round_last = at;
  const auto key = journal::blob_key(proto::event_class::state, builder.first());
  std::string value(builder.size(), '\0');
  builder.write(key, header, value);
  const auto blob = journal::blob_view::parse(key, value);
  check(blob && blob->verify_bytes() && blob->header().rows == batch.rows.size(), "our own blobs are read");
  for (std::uint32_t i = 0; i < batch.rows.size(); ++i) {
    check(blob->data(blob->row(i)) == batch.data(batch.rows[i]), "with the same bytes");
    check(blob->row(i).guild == batch.rows[i].guild && blob->row(i).offset == batch.rows[i].offset,
          "and rows");
    check(blob->effect(i) == journal::guild_effect::removed, "and effects");
  }
  // One flipped bit anywhere is noticed.
  const auto bit = static_cast<std::size_t>(in.number(4)) % (value.size() * 8);
  value[bit / 8] = static_cast<char>(value[bit / 8] ^ (1 << (bit % 8)));
  const auto spoilt = journal::blob_view::parse(key, value);
  check(!spoilt || !spoilt->verify_bytes(), "damage is noticed");
}

}  // namespace

void run(std::string_view bytes) {
  input in(bytes);
  switch (in.byte() % 10) {
    case 0:
      return decode_and_back<journal::ledger>(in.rest());
    case 1:
      decode_and_back<journal::loss>(in.rest());
      return decode_and_back<flow::session_record>(in.rest());
    case 2:
      return decode_and_back<flow::consumer_record>(in.rest());
    case 3:
      return decode_and_back<flow::downstream_record>(in.rest());
    case 4:
      return decode_and_back<std::vector<std::int64_t>>(in.rest());
    case 5:
      return version(in.rest());
    case 6: {
      const auto key = in.take(9);
      return read_blob(key, in.rest());
    }
    case 7:
      return sealed_blob(in);
    case 8:
      return built_blob(in);
    default: {
      // The fuzzer sees what a checksum is compared with, and so can learn a right one.
      const auto key = in.take(4);
      const auto value = in.rest();
      const auto payload = journal::unseal(journal::table::meta, key, value);
      if (!payload) return;
      const auto seed = journal::seal_seed(journal::table::meta, key);
      check(journal::checksum(*payload, seed) == journal::seal_of(value), "a checksum that is right");
    }
  }
}

}  // namespace evergate::fuzz
