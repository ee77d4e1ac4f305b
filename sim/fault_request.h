// The body of POST /control/fault as a fault_order: every key is checked, and what is wrong is said with the
// key, the problem and what is allowed. Pure.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <variant>

#include "sim/fault.h"

namespace evergate::sim {

/// The order, or what is wrong with it.
[[nodiscard]] std::variant<fault_order, std::string> read_fault(const nlohmann::json& body);

}  // namespace evergate::sim
