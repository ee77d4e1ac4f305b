// How rows move the guild index: live, and again when it is rebuilt from stored blobs. Pure.
#pragma once

#include <vector>

#include "journal/event_blob.h"
#include "journal/guild_index.h"
#include "journal/round.h"

namespace evergate::journal {

void apply_action(guild_index& index, const index_action& action, std::uint64_t blob,
                  std::uint64_t keep_from);

/// Replays a stored state blob: rows, counters, READY lists and GAPs, in order. Its bytes must be verified
/// when it holds records of our own.
void replay_blob(guild_index& index, const blob_view& blob, std::uint64_t keep_from);

}  // namespace evergate::journal
