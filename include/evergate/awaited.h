// Answers that come later, for coroutines and for threads: what the methods of gateway_manager without a
// callback return. Nothing begins before it is awaited or asked for.
#pragma once

#include <atomic>
#include <coroutine>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <utility>

#include "evergate/error.h"

namespace evergate {

/// One answer that comes later. `co_await` it in any coroutine, or get() it on a thread of your own; once. A
/// coroutine goes on where the callback form of the same method would be called: on the library's event
/// thread (or at once, when the answer is there already).
template <class T>
class [[nodiscard]] awaited {
 public:
  /// Where the answer goes.
  using callback = std::move_only_function<void(result<T>)>;
  /// Begins the work; calls back once, from any thread, perhaps at once.
  using starter = std::move_only_function<void(callback)>;

  /// Made by gateway_manager.
  explicit awaited(starter begin) : begin_(std::move(begin)) {}

  /// For `co_await`: nothing is there before it began.
  [[nodiscard]] bool await_ready() const noexcept { return false; }
  /// For `co_await`: begins; false when the answer came at once.
  bool await_suspend(std::coroutine_handle<> who) {
    const auto shared = shared_ = std::make_shared<state>();
    begin_([shared, who](result<T> got) {
      shared->answer.emplace(std::move(got));
      if (shared->met.exchange(true)) who.resume();
    });
    return !shared->met.exchange(true);
  }
  /// For `co_await`: the answer.
  result<T> await_resume() { return std::move(*shared_->answer); }

  /// Begins and waits. Not on a thread of the library (in a callback or a coroutine that it resumed): there
  /// it would wait for itself.
  result<T> get() {
    auto promised = std::make_shared<std::promise<result<T>>>();
    auto answer = promised->get_future();
    begin_([promised](result<T> got) { promised->set_value(std::move(got)); });
    return answer.get();
  }

 private:
  struct state {
    std::atomic<bool> met = false;  ///< one of the two, the answer and the suspension, has come
    std::optional<result<T>> answer;
  };
  starter begin_;
  std::shared_ptr<state> shared_;
};

/// A coroutine that nobody waits for: it runs when it is called and frees itself at its end. An exception
/// that leaves it ends the process. Its parameters are copied into it; what they refer to must outlive it.
struct detached {
  /// What the language asks for.
  struct promise_type {
    /// Nobody holds it.
    detached get_return_object() noexcept { return {}; }
    /// It runs when it is called.
    std::suspend_never initial_suspend() noexcept { return {}; }
    /// It frees itself.
    std::suspend_never final_suspend() noexcept { return {}; }
    /// Its end.
    void return_void() noexcept {}
    /// Ends the process.
    [[noreturn]] void unhandled_exception() noexcept { std::abort(); }
  };
};

}  // namespace evergate
