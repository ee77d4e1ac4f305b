// The faults that are armed, and how often each kind has happened. Pure; owned by the core; one thread; at
// most orders_max at once.
#pragma once

#include <array>
#include <list>
#include <optional>
#include <string>
#include <string_view>

#include "sim/fault.h"

namespace evergate::sim {

class fault_book {
 public:
  static constexpr std::size_t orders_max = 1000;

  struct armed_fault {
    fault_order order;
    std::uint64_t number = 0;
    std::uint64_t fired = 0;
    std::uint32_t sessions_before = 0;  ///< drop_type spares sessions made later, lag may
  };
  /// What an order is compared with; a shard that is not known fits no order that names one.
  struct target {
    std::optional<std::uint32_t> shard = {};
    std::optional<std::uint32_t> count = {};
    bool resume_path = false;
    std::string_view subject = {};  ///< drop_type: the type; rest_status: the path
    std::uint32_t session = 0;      ///< drop_type, lag: its number
  };

  /// False when there are too many.
  [[nodiscard]] bool arm(const fault_order& order, std::uint32_t sessions_before);
  void clear() noexcept;

  /// Cheap: nothing of this kind is armed.
  [[nodiscard]] bool none(fault_kind kind) const noexcept {
    return (kinds_ >> static_cast<unsigned>(kind) & 1) == 0;
  }
  /// The oldest order that fits, not yet fired; null when there is none.
  [[nodiscard]] armed_fault* find(fault_kind kind, const target& at) noexcept;
  /// It happens now: counts it, and disarms it after its last time.
  void fire(armed_fault& what);
  /// Both at once; the order as a copy.
  [[nodiscard]] std::optional<fault_order> take(fault_kind kind, const target& at);
  /// For faults that were done at once.
  void count(fault_kind kind, std::uint64_t times) noexcept {
    fired_[static_cast<std::size_t>(kind)] += times;
  }

  [[nodiscard]] std::uint64_t fired(fault_kind kind) const noexcept {
    return fired_[static_cast<std::size_t>(kind)];
  }
  /// A connection or a RESUME has been made to fail, so that clients may try elsewhere.
  [[nodiscard]] bool led_astray() const noexcept;
  [[nodiscard]] const std::list<armed_fault>& armed() const noexcept { return armed_; }
  /// {"armed":[{"number","kind",…,"fired"}],"fired":{kind:times}}
  void write(std::string& out) const;

 private:
  void refresh() noexcept;

  std::list<armed_fault> armed_;
  std::array<std::uint64_t, fault_kinds> fired_{};
  std::uint64_t kinds_ = 0;
  std::uint64_t numbered_ = 0;
};

[[nodiscard]] bool fits(const fault_book::armed_fault& armed, const fault_book::target& at) noexcept;

}  // namespace evergate::sim
