// The options of a consumer: tables [consumers.NAME], their defaults (under downstream.) and their checks.
// Start-up only.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "app/configuration.h"
#include "app/option_table.h"
#include "downstream/consumer_policy.h"

namespace evergate::app {

using consumer_option_row = basic_option_row<consumer_settings>;

/// Every option of a consumer; keys and errors begin with `prefix`.
[[nodiscard]] std::vector<consumer_option_row> consumer_rows(std::string_view prefix);
/// Those whose default an operator may set for all consumers at once, as rows of the option table.
[[nodiscard]] std::vector<option_row> general_consumer_rows();

/// What the file says of one consumer: key below its table → value and line.
struct given_value {
  option_value value;
  std::uint32_t line = 0;
};
using given_table = std::map<std::string, given_value>;

/// Fills `out.consumers`: each given consumer begins with `out.downstream.consumer`, then its table, then
/// `EVERGATE_CONSUMERS_<NAME>_<KEY>` (upper case, '-' and '.' as '_'). `main` can be set by the environment
/// alone. `file` is for errors.
[[nodiscard]] base::result<void> apply_consumers(const std::map<std::string, given_table>& given,
                                                 const std::string& file, const environment& env,
                                                 gateway_options& out);

/// Names, values and lists of every consumer.
[[nodiscard]] base::result<void> judge_consumers(const gateway_options& options);

/// The options of all consumers as downstream wants them. After judge_consumers().
[[nodiscard]] downstream::consumer_policies policies_of(const gateway_options& options,
                                                        const decide::desk& decisions);

}  // namespace evergate::app
