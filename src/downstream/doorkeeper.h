// Counts the WebSockets of each address that have not identified, so that one host cannot fill the gateway
// with strangers. Thread-safe; holds one entry per address that has such a connection.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace evergate::downstream {

class doorkeeper {
 public:
  explicit doorkeeper(std::size_t per_address_max) : max_(per_address_max) {}

  /// False when the address has its share already. Each true is given back by one leave().
  [[nodiscard]] bool enter(const std::string& address) {
    const std::scoped_lock lock(mutex_);
    auto& count = waiting_[address];
    if (count >= max_) return false;
    ++count;
    return true;
  }

  void leave(const std::string& address) {
    const std::scoped_lock lock(mutex_);
    const auto found = waiting_.find(address);
    if (found != waiting_.end() && --found->second == 0) waiting_.erase(found);
  }

  /// `1.2.3.4:5`, `[::1]:5` or a bare address, without the port.
  [[nodiscard]] static std::string host_of(std::string_view peer) {
    if (peer.starts_with('[')) return std::string(peer.substr(1, peer.find(']') - 1));
    const auto colon = peer.rfind(':');
    const bool port = colon != std::string_view::npos && peer.find(':') == colon;
    return std::string(port ? peer.substr(0, colon) : peer);
  }

 private:
  const std::size_t max_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::size_t> waiting_;
};

}  // namespace evergate::downstream
