// A queue that holds no memory while it is empty and gives back what a burst took: a std::deque takes over
// half a kilobyte when it is made, and a resharding has seven queues for every guild. Owned by a guild_cut,
// which bounds it. What was moved from may only be assigned to.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>
#include <vector>

namespace evergate::control {

template <class T>
class lean_queue {
 public:
  [[nodiscard]] auto begin() noexcept { return std::next(items_.begin(), first_); }
  [[nodiscard]] auto end() noexcept { return items_.end(); }
  [[nodiscard]] auto begin() const noexcept { return std::next(items_.begin(), first_); }
  [[nodiscard]] auto end() const noexcept { return items_.end(); }
  [[nodiscard]] bool empty() const noexcept { return begin() == end(); }
  [[nodiscard]] std::size_t size() const noexcept { return static_cast<std::size_t>(end() - begin()); }
  [[nodiscard]] T& front() noexcept { return *begin(); }
  [[nodiscard]] const T& front() const noexcept { return *begin(); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return begin()[static_cast<std::ptrdiff_t>(i)]; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept {
    return begin()[static_cast<std::ptrdiff_t>(i)];
  }
  /// How many there is memory for.
  [[nodiscard]] std::size_t capacity() const noexcept { return items_.capacity(); }

  T& push_back(T item) { return items_.emplace_back(std::move(item)); }
  void pop_front() {
    [[maybe_unused]] const T gone(std::move(front()));
    ++first_;
    // Moving what is left costs no more than the taking out of as many did.
    if (static_cast<std::size_t>(first_) >= size()) {
      items_ = std::vector<T>(std::move_iterator(begin()), std::move_iterator(end()));
      first_ = 0;
    }
  }
  /// The first is the one that is mostly meant, so what lies before it is moved.
  template <class Iterator>
  void erase(Iterator at) {
    std::move_backward(begin(), at, std::next(at));
    pop_front();
  }
  void clear() noexcept {
    items_ = std::vector<T>();
    first_ = 0;
  }

 private:
  std::vector<T> items_;
  std::ptrdiff_t first_ = 0;  ///< those before it are out
};

}  // namespace evergate::control
