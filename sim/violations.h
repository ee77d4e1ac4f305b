// Every breach of the gateway's rules by its clients, and what is merely worth knowing. Owned by the core;
// one thread; keeps the newest `kept_max` records and counts all. Texts never hold a token.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>

namespace evergate::sim {

struct violation {
  std::uint64_t number = 0;
  std::int64_t at_ms = 0;
  std::string_view kind;  ///< static storage
  bool info = false;      ///< no breach, only noted
  std::uint64_t connection = 0;
  std::string session;
  std::string text;
};

class violations {
 public:
  explicit violations(std::size_t kept_max) : kept_max_(kept_max) {}

  void add(violation what);
  [[nodiscard]] std::uint64_t count() const noexcept { return breaches_; }
  [[nodiscard]] const std::deque<violation>& kept() const noexcept { return kept_; }
  [[nodiscard]] const std::map<std::string_view, std::uint64_t>& by_kind() const noexcept { return by_kind_; }
  /// How many of this kind, infos included.
  [[nodiscard]] std::uint64_t count(std::string_view kind) const;
  /// A JSON array of the kept ones.
  void write(std::string& out) const;

 private:
  std::size_t kept_max_;
  std::deque<violation> kept_;
  std::map<std::string_view, std::uint64_t> by_kind_;
  std::uint64_t breaches_ = 0;
  std::uint64_t next_ = 0;
};

}  // namespace evergate::sim
