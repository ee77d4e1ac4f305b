// Whether the journal gives up what its policy names and nothing else: what every consumer has acknowledged
// first, then ephemeral events, then messages, then state; only when it is over its bound; all of it counted,
// and lost state behind a GAP record. Told after each commit; knows blobs as numbers only. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace evergate::simulation {

/// As the store's ledger says after a commit.
struct class_account {
  std::uint64_t floor = 0;  ///< everything of the class up to here is gone
  std::uint64_t evicted = 0;
  std::uint64_t evicted_unacked = 0;
};

class eviction_check {
 public:
  static constexpr std::size_t classes = 3;  ///< ephemeral, message, state
  static constexpr std::size_t state = 2;
  using accounts = std::array<class_account, classes>;

  explicit eviction_check(std::uint64_t events_max) : events_max_(events_max) {}

  /// A row of the commit that comes next.
  void row(std::uint64_t offset, std::size_t kind) { fresh_[kind].push_back(offset); }
  /// A GAP record: state from..to was given up.
  void gap(std::uint64_t from, std::uint64_t to) { gaps_.emplace_back(from, to); }
  /// `acknowledged`: what every consumer has had.
  void committed(const accounts& now, std::uint64_t acknowledged);
  /// When all is quiet.
  void finish();

  /// Given up though some consumer had not had it.
  [[nodiscard]] bool lost(std::uint64_t offset) const { return lost_.contains(offset); }
  [[nodiscard]] std::uint64_t lost_rows() const noexcept { return lost_.size(); }
  [[nodiscard]] const std::vector<std::string>& findings() const noexcept { return findings_; }

 private:
  struct blob {
    std::vector<std::uint64_t> offsets;
    std::uint64_t round_last = 0;  ///< of all classes: state also holds what the mirror needs of messages
    [[nodiscard]] std::uint64_t last() const { return offsets.back(); }
  };
  void found(std::string what);
  void take(std::size_t kind, const class_account& now, std::uint64_t acknowledged);
  void check_order(std::uint64_t acknowledged);
  [[nodiscard]] std::uint64_t kept() const;

  const std::uint64_t events_max_;
  std::array<std::vector<std::uint64_t>, classes> fresh_;
  std::array<std::deque<blob>, classes> blobs_;
  std::array<class_account, classes> counted_{};
  std::uint64_t perhaps_unacked_ = 0;  ///< more state, which holds a part of an unacknowledged message
  std::set<std::uint64_t> lost_;
  std::set<std::uint64_t> lost_state_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> gaps_;
  std::uint64_t largest_ = 0;            ///< rows of the largest blob that this commit gave up
  std::array<bool, classes> gave_up_{};  ///< unacknowledged ones of the class, in this commit
  std::vector<std::string> findings_;
};

}  // namespace evergate::simulation
