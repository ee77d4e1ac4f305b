// What happened in a run, as a hash and, when asked for, as lines to read. Two runs of a seed must end with
// the same hash. Owned by the run; one thread.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <initializer_list>
#include <string_view>

#include "base/clock.h"

namespace evergate::simulation {

class trace {
 public:
  explicit trace(bool print) : print_(print) {}

  void at(base::instant now) noexcept { now_ = now; }
  void mark(std::string_view what, std::initializer_list<std::int64_t> numbers = {}) {
    mix(now_.time_since_epoch().count());
    text(what);
    for (const auto n : numbers) mix(n);
    if (!print_) return;
    fmt::print("{:12.6f} {}", seconds(), what);
    for (const auto n : numbers) fmt::print(" {}", n);
    fmt::print("\n");
  }
  void say(std::string_view what, std::string_view detail) {
    text(what);
    text(detail);
    if (print_) fmt::print("{:12.6f} {}: {}\n", seconds(), what, detail.substr(0, 300));
  }

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  [[nodiscard]] bool printing() const noexcept { return print_; }
  [[nodiscard]] double seconds() const noexcept {
    return static_cast<double>(now_.time_since_epoch().count()) * 1e-9;
  }

 private:
  void mix(std::int64_t n) noexcept {
    hash_ = (hash_ ^ static_cast<std::uint64_t>(n)) * 0x9e3779b97f4a7c15ULL;
    hash_ ^= hash_ >> 29;
  }
  void text(std::string_view bytes) noexcept {
    for (const char c : bytes) hash_ = (hash_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }

  const bool print_;
  base::instant now_{};
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace evergate::simulation
