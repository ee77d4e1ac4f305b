#include "net/curl_thread.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/thread_name.h"
#include "net/errc.h"

namespace evergate::net {

curl_thread::curl_thread(http_client_options options) : options_(std::move(options)) {
  static const auto initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  base::check(initialised == CURLE_OK, "libcurl does not start");
  multi_ = curl_multi_init();
  base::check(multi_ != nullptr, "libcurl has no multi handle");
  curl_multi_setopt(multi_, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(options_.transfers_max));
  thread_ = std::thread([this] {
    base::name_thread("rest");
    run();
  });
}

curl_thread::~curl_thread() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
  }
  curl_multi_wakeup(multi_);
  thread_.join();
  std::vector<std::shared_ptr<curl_transfer>> left;
  for (const auto& [easy, transfer] : running_) {
    curl_multi_remove_handle(multi_, easy);
    left.push_back(transfer);
  }
  for (const auto& waiting : orders_) left.push_back(waiting.transfer);
  running_.clear();
  orders_.clear();
  curl_multi_cleanup(multi_);
  // Their handlers belong to the loops and are let go there (the gate is closed by now).
  for (auto& transfer : left) transfer->finish(base::fail(errc::closed, "the client is gone"));
}

bool curl_thread::start(const std::shared_ptr<curl_transfer>& transfer) {
  if (active_.fetch_add(1) >= options_.transfers_max) {
    active_.fetch_sub(1);
    return false;
  }
  put(verb::start, transfer);
  return true;
}

void curl_thread::put(verb what, const std::shared_ptr<curl_transfer>& transfer) {
  {
    const std::scoped_lock lock(mutex_);
    orders_.push_back({what, transfer});
  }
  curl_multi_wakeup(multi_);
}

void curl_thread::run() {
  std::vector<order> orders;
  for (;;) {
    {
      const std::scoped_lock lock(mutex_);
      if (stopping_) return;
      std::swap(orders, orders_);
    }
    for (const auto& what : orders) obey(what);
    orders.clear();
    int running = 0;
    curl_multi_perform(multi_, &running);
    collect();
    curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
  }
}

void curl_thread::obey(const order& what) {
  auto* easy = what.transfer->handle();
  switch (what.what) {
    case verb::start:
      easy = what.transfer->prepare(options_);
      if (easy != nullptr && curl_multi_add_handle(multi_, easy) == CURLM_OK) {
        running_.emplace(easy, what.transfer);
        break;
      }
      active_.fetch_sub(1);
      if (easy != nullptr) what.transfer->finished(CURLE_FAILED_INIT);
      break;
    case verb::resume:
      if (running_.contains(easy)) what.transfer->unpause();
      break;
    case verb::remove:
      if (running_.contains(easy)) drop(easy);
      break;
  }
}

void curl_thread::drop(CURL* easy) {
  curl_multi_remove_handle(multi_, easy);
  running_.erase(easy);
  active_.fetch_sub(1);
}

void curl_thread::collect() {
  int left = 0;
  while (const auto* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    auto* easy = message->easy_handle;
    const auto code = message->data.result;
    const auto transfer = running_.at(easy);
    drop(easy);
    transfer->finished(code);
  }
}

}  // namespace evergate::net
