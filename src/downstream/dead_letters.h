// Events that bots died of, taken out of their queues: what operators list, have sent again, or discard. The
// same as what the store holds, in memory. Thread-safe; bounded by a number of letters and by bytes_max, the
// oldest leave.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "flow/journal.h"

namespace evergate::downstream {

class dead_letters {
 public:
  static constexpr std::size_t bytes_max = std::size_t{64} << 20;
  using letter_ptr = std::shared_ptr<const flow::dead_letter>;

  explicit dead_letters(std::size_t letters_max) noexcept : letters_max_(letters_max) {}

  /// Takes over what was stored. Call before any other thread does anything.
  void load(std::vector<flow::dead_letter> stored);
  /// What leaves for it is appended to `pushed_out`.
  void add(letter_ptr letter, std::vector<flow::dead_letter_key>& pushed_out);
  bool remove(const flow::dead_letter_key& which);

  [[nodiscard]] letter_ptr find(const flow::dead_letter_key& which) const;
  /// Oldest first.
  [[nodiscard]] std::vector<letter_ptr> list() const;
  [[nodiscard]] std::size_t size() const;
  /// Pushed out since the start.
  [[nodiscard]] std::uint64_t pushed_out() const;

 private:
  const std::size_t letters_max_;
  mutable std::mutex mutex_;
  std::deque<letter_ptr> letters_;
  std::size_t bytes_ = 0;
  std::uint64_t pushed_out_ = 0;
};

}  // namespace evergate::downstream
