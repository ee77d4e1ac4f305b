// Who may connect: counts a listener's connections, and those of each address that have not yet sent a
// request head. Shared by the listener and its connections. Thread-safe; bounded by connections_max.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace evergate::net {

class http_admission : public std::enable_shared_from_this<http_admission> {
 public:
  http_admission(std::size_t connections_max, std::size_t pending_per_address_max)
      : connections_max_(connections_max), pending_max_(pending_per_address_max) {}

  /// One connection's place, given back when it is dropped.
  class ticket {
   public:
    ticket(std::shared_ptr<http_admission> owner, std::string address)
        : owner_(std::move(owner)), address_(std::move(address)) {}
    ~ticket();
    ticket(const ticket&) = delete;
    ticket& operator=(const ticket&) = delete;
    /// The first request head has come: no longer pending.
    void head_seen();

   private:
    std::shared_ptr<http_admission> owner_;
    std::string address_;
    bool pending_ = true;
  };

  /// Null when a bound is reached.
  [[nodiscard]] std::shared_ptr<ticket> admit(const std::string& address);

 private:
  void leave(const std::string& address, bool pending, bool gone);

  const std::size_t connections_max_;
  const std::size_t pending_max_;
  std::mutex mutex_;
  std::size_t connections_ = 0;
  std::unordered_map<std::string, std::size_t> pending_;
};

}  // namespace evergate::net
