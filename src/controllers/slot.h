// One controller's place: asks the script's override, else the function, else the standard. Asked from any
// thread at once; without an override it costs one relaxed load.
#pragma once

#include <atomic>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "controllers/script_door.h"
#include "controllers/tally.h"
#include "evergate/controllers.h"

namespace evergate::decide {

template <class Question, class Answer>
class slot {
 public:
  using question = Question;
  using answer = Answer;
  using standard = standard_answer<Question, Answer>;
  /// What is wrong with an answer to this question; empty = nothing.
  using judge = std::string (*)(const Question&, const Answer&);

  slot(std::string_view name, judge allowed) noexcept : counts_(name), allowed_(allowed) {}

  /// Before the first question.
  void set_function(controller<Question, Answer> override) {
    function_ = std::move(override);
    if (function_) ways_.fetch_or(by_function, std::memory_order_relaxed);
  }
  /// Before the first question; the door outlives the slot's use.
  void set_door(script_door<Question, Answer>* door) noexcept { door_ = door; }
  /// At any time: whether the script, a new one, defines this name.
  void set_scripted(bool scripted) noexcept {
    counts_.kept_limits();
    if (scripted) {
      ways_.fetch_or(by_script, std::memory_order_release);
    } else {
      ways_.fetch_and(static_cast<unsigned char>(~by_script), std::memory_order_release);
    }
  }

#ifdef EVERGATE_WITHOUT_CONTROLLERS  // only to count what asking costs (docs/benchmarks.md)
  [[nodiscard]] static constexpr bool overridden() noexcept { return false; }
#else
  [[nodiscard]] bool overridden() const noexcept { return ways_.load(std::memory_order_relaxed) != 0; }
#endif
  [[nodiscard]] bool scripted() const noexcept {
    return (ways_.load(std::memory_order_acquire) & by_script) != 0;
  }
  [[nodiscard]] std::string_view name() const noexcept { return counts_.name(); }
  [[nodiscard]] tally& counts() const noexcept { return counts_; }
  [[nodiscard]] controller_status status() const {
    auto out = counts_.status();
    out.in_cpp = function_ != nullptr;
    out.in_lua = scripted();
    return out;
  }

  template <class Standard>
  [[nodiscard]] Answer ask(const Question& asked, const Standard& plain) const {
    if (!overridden()) [[likely]]
      return plain(asked);
    return ask_override(asked, standard(plain));
  }

 private:
  static constexpr unsigned char by_function = 1;
  static constexpr unsigned char by_script = 2;

  [[nodiscard]] Answer ask_override(const Question& asked, const standard& plain) const {
    const auto began = tally::clock::now();
    auto out = scripted() ? ask_script(asked, plain) : ask_function(asked, plain);
    counts_.took(tally::clock::now() - began);
    return out;
  }

  [[nodiscard]] Answer ask_script(const Question& asked, const standard& plain) const {
    const auto next = [this, &plain](const Question& other) { return ask_function(other, plain); };
    if (counts_.rests()) return next(asked);
    const auto call = [this, &next](const Question& other) {
      return door_->ask(name(), other, standard(next));
    };
    return guarded("lua", call, asked, next);
  }

  [[nodiscard]] Answer ask_function(const Question& asked, const standard& plain) const {
    if (!function_) return plain(asked);
    const auto call = [this, &plain](const Question& other) { return function_(other, plain); };
    return guarded("c++", call, asked, plain);
  }

  template <class Call, class Otherwise>
  [[nodiscard]] Answer guarded(std::string_view by, const Call& call, const Question& asked,
                               const Otherwise& otherwise) const {
    try {
      auto out = call(asked);
      const auto problem = allowed_(asked, out);
      counts_.kept_limits();
      if (problem.empty()) return out;
      counts_.failed(by, problem);
    } catch (const script_failure& failure) {
      counts_.failed(by, failure.what());
      failure.past_limit() ? counts_.past_limit() : counts_.kept_limits();
    } catch (const std::exception& thrown) {
      counts_.failed(by, thrown.what());
    } catch (...) {
      counts_.failed(by, "threw something that is no std::exception");
    }
    return otherwise(asked);
  }

  mutable tally counts_;
  const judge allowed_;
  controller<Question, Answer> function_;
  script_door<Question, Answer>* door_ = nullptr;
  std::atomic<unsigned char> ways_{0};
};

}  // namespace evergate::decide
