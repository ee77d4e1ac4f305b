// The calling thread's name, as `top -H`, `perf` and debuggers show it.
#pragma once

#include <pthread.h>

#include <string>

namespace evergate::base {

/// At most 15 bytes; what is longer is cut.
inline void name_thread(const std::string& name) {
  ::pthread_setname_np(::pthread_self(), name.substr(0, 15).c_str());
}

}  // namespace evergate::base
