// How a slot asks the script. Implemented by the script's host; thread-safe.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "evergate/controllers.h"

namespace evergate::decide {

/// The script's override threw, ran past a limit, or answered something of another shape.
class script_failure : public std::runtime_error {
 public:
  explicit script_failure(const std::string& why, bool past_limit = false)
      : std::runtime_error(why), past_limit_(past_limit) {}
  /// It used up what a call may take, so that many such calls hold up what asks.
  [[nodiscard]] bool past_limit() const noexcept { return past_limit_; }

 private:
  bool past_limit_;
};

template <class Question, class Answer>
class script_door {
 public:
  virtual ~script_door() = default;
  /// Throws script_failure. `standard` does not throw.
  [[nodiscard]] virtual Answer ask(std::string_view name, const Question& asked,
                                   const standard_answer<Question, Answer>& standard) = 0;
};

}  // namespace evergate::decide
