// Answers of the admin API as people read them. Pure text building.
#pragma once

#include <string>
#include <string_view>

namespace evergate::daemon::admin_print {

[[nodiscard]] std::string status(std::string_view json);
[[nodiscard]] std::string shards(std::string_view json);
[[nodiscard]] std::string workers(std::string_view json);
[[nodiscard]] std::string consumers(std::string_view json);
/// One consumer, as the verbs answer with it.
[[nodiscard]] std::string consumer(std::string_view json);
[[nodiscard]] std::string gaps(std::string_view json);
[[nodiscard]] std::string drain(std::string_view json);
[[nodiscard]] std::string letters(std::string_view json);
[[nodiscard]] std::string reshard(std::string_view json);
[[nodiscard]] std::string reshard_plan(std::string_view json);
[[nodiscard]] std::string controllers(std::string_view json);
[[nodiscard]] std::string as_it_came(std::string_view json);
/// The message of a failure; the whole body when it is none.
[[nodiscard]] std::string failure(std::string_view json);

}  // namespace evergate::daemon::admin_print
