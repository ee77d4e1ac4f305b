// Every controller: how it is asked, what its standard answers, and an override in C++ and in Lua that
// answers something else. Answers are compared as text.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "controllers/desk.h"

namespace evergate::decide::controllers_test {

struct cpp_overrides {
  std::function<void(controller_table&)> changing;
  std::function<void(controller_table&)> throwing;
};

struct controller_case {
  std::string name;
  std::string standard;  ///< the answer without an override
  std::string changed;   ///< the answer with either of the overrides
  std::string lua;       ///< defines the global function
  cpp_overrides cpp;
  std::function<std::string(const desk&)> ask;
};

[[nodiscard]] const std::vector<controller_case>& controller_cases();

}  // namespace evergate::decide::controllers_test
