// Holds consumers to their bounds: looks once a second, on a thread of its own since it reads the store's
// outline. Owned by the gateway; runs only when a consumer has bounds.
#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>

#include "base/clock.h"
#include "base/log.h"
#include "downstream/consumer_control.h"

namespace evergate::downstream {

class backlog_keeper {
 public:
  backlog_keeper(consumer_control& control, base::milliseconds interval, base::logger& log)
      : control_(control),
        interval_(interval),
        log_(log),
        thread_([this](const std::stop_token& end) { run(end); }) {}

 private:
  void run(const std::stop_token& end) {
    std::mutex mutex;
    std::condition_variable_any news;
    std::unique_lock lock(mutex);
    while (!news.wait_for(lock, end, interval_, [&end] { return end.stop_requested(); })) {
      const auto done = control_.relieve_all(base::unix_time_ms());
      if (!done) log_.error("consumer.bounds_failed", {{"cause", done.error().text()}});
    }
  }

  consumer_control& control_;
  const base::milliseconds interval_;
  base::logger& log_;
  std::jthread thread_;
};

}  // namespace evergate::downstream
