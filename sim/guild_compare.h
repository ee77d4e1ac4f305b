// Compares a GUILD_CREATE that a proxy serves with the ground truth: objects unordered, arrays by id, and
// without what may rightly differ (see docs/simulated-discord.md). Pure; reports at most `differences_max`.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace evergate::sim {

/// Paths and values that differ; empty when both say the same.
[[nodiscard]] std::vector<std::string> compare_guilds(nlohmann::json truth, nlohmann::json given,
                                                      std::size_t differences_max = 50);

}  // namespace evergate::sim
