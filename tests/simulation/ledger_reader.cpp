#include "ledger_reader.h"

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace evergate::simulation {

std::vector<ledger_entry> whole_ledger(discord_side& discord) {
  std::string text;
  discord.core().ledger().write(text, 0, ~std::size_t{0});
  std::vector<ledger_entry> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    const auto entry = nlohmann::json::parse(text.begin() + static_cast<std::ptrdiff_t>(at),
                                             text.begin() + static_cast<std::ptrdiff_t>(end));
    at = end + 1;
    ledger_entry e;
    e.serial = entry["serial"];
    if (entry["guild"].is_string()) e.guild = std::stoull(entry["guild"].get<std::string>());
    e.type = entry["type"];
    e.kind = entry["kind"];
    e.content = discord.content_of(e.serial);
    for (const auto& one : entry["deliveries"]) {
      e.deliveries.push_back({one["session"], one["seq"], {one["shard"], one["count"]}});
    }
    out.push_back(std::move(e));
  }
  return out;
}

std::vector<sent_event> what_was_sent(discord_side& discord) {
  std::vector<sent_event> out;
  for (const auto& entry : whole_ledger(discord)) {
    for (const auto& one : entry.deliveries) {
      out.push_back({one.session, one.seq, entry.serial, entry.type, entry.content});
    }
  }
  return out;
}

}  // namespace evergate::simulation
