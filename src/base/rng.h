// A small deterministic generator (xoshiro256**), handed to whatever needs chance so that a seed
// reproduces a run. Not for secrets. One thread.
#pragma once

#include <bit>
#include <cstdint>

namespace evergate::base {

class rng {
 public:
  using result_type = std::uint64_t;

  explicit rng(std::uint64_t seed) noexcept {
    for (auto& word : state_) {
      seed += 0x9e3779b97f4a7c15ULL;
      std::uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
      word = z ^ (z >> 31);
    }
  }

  static constexpr result_type min() noexcept { return 0; }
  static constexpr result_type max() noexcept { return ~result_type{0}; }

  result_type operator()() noexcept {
    const result_type out = std::rotl(state_[1] * 5, 7) * 9;
    const result_type t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return out;
  }

  /// Uniform in [0, bound); 0 when bound is 0. Bias is below 2^-32 for bounds under 2^32.
  std::uint64_t below(std::uint64_t bound) noexcept {
    __extension__ using wide = unsigned __int128;
    return static_cast<std::uint64_t>((static_cast<wide>((*this)()) * bound) >> 64);
  }

  /// Uniform in [0, 1).
  double unit() noexcept { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }

  /// True with probability p.
  bool chance(double p) noexcept { return unit() < p; }

 private:
  std::uint64_t state_[4];
};

}  // namespace evergate::base
