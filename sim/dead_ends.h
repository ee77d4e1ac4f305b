// Two ports that lead nowhere: one refuses every connection, one accepts and never says a word. Owned by the
// server; needs no attention; the silent one takes as many connections as its backlog holds.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace evergate::sim {

class dead_ends {
 public:
  [[nodiscard]] static base::result<dead_ends> open(const std::string& address);
  dead_ends() = default;
  dead_ends(dead_ends&& other) noexcept;
  dead_ends& operator=(dead_ends&& other) noexcept;
  ~dead_ends();

  [[nodiscard]] std::uint16_t refusing_port() const noexcept { return refusing_.port; }
  [[nodiscard]] std::uint16_t silent_port() const noexcept { return silent_.port; }

 private:
  struct held_port {
    int fd = -1;
    std::uint16_t port = 0;
  };
  static base::result<held_port> bind_any(const std::string& address);

  held_port refusing_;  ///< bound, never listening, so that nobody else gets it
  held_port silent_;    ///< the kernel completes handshakes that nobody accepts
};

}  // namespace evergate::sim
