// One thread's script: the machine, the library it uses, and the overrides that the script defines. Made by
// the host; only on its thread.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "controllers/script_host.h"
#include "controllers/script_library.h"
#include "controllers/script_machine.h"

namespace evergate::decide {

class script_worker {
 public:
  /// `names`: of the controllers, in the desk's order.
  script_worker(const script_limits& limits, base::logger* log,
                std::span<const std::string_view> names) noexcept
      : limits_(limits), log_(log), names_(names) {}

  /// Makes a machine of the script. An error names file and line, and comes again for the same script without
  /// trying; a machine at work cannot.
  [[nodiscard]] base::result<void> become(const std::shared_ptr<const script_source>& source);
  [[nodiscard]] std::uint64_t generation() const noexcept { return source_ ? source_->generation : 0; }
  /// False: it has to become() the script again.
  [[nodiscard]] bool usable() const noexcept { return machine_ != nullptr && !machine_->broken(); }
  [[nodiscard]] bool busy() const noexcept { return machine_ != nullptr && machine_->busy(); }

  [[nodiscard]] script_machine& machine() noexcept { return *machine_; }
  /// Reference of the override of the controller with this number; 0 = the script defines none.
  [[nodiscard]] int override_of(std::size_t controller) const noexcept { return overrides_[controller]; }
  [[nodiscard]] script_host::names_defined defined() const noexcept;

 private:
  static int set_up(lua_State* L);
  void take_overrides(lua_State* L);
  void take_global(lua_State* L);

  const script_limits limits_;
  base::logger* const log_;
  const std::span<const std::string_view> names_;
  std::shared_ptr<const script_source> source_;
  std::optional<error> failed_;  ///< of source_
  std::unique_ptr<script_library> library_;
  std::unique_ptr<script_machine> machine_;
  std::array<int, script_host::controllers_max> overrides_{};
};

}  // namespace evergate::decide
