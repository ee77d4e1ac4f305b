// The thread that drives libcurl's multi handle for one http_client. Other threads hand it transfers to
// start, to look at again and to drop. Bounded by transfers_max.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "net/curl_transfer.h"
#include "net/http_client.h"

namespace evergate::net {

class curl_thread {
 public:
  explicit curl_thread(http_client_options options);
  ~curl_thread();  ///< drops every transfer
  curl_thread(const curl_thread&) = delete;
  curl_thread& operator=(const curl_thread&) = delete;

  /// False when transfers_max are running.
  [[nodiscard]] bool start(const std::shared_ptr<curl_transfer>& transfer);
  void resume(const std::shared_ptr<curl_transfer>& transfer) { put(verb::resume, transfer); }
  void remove(const std::shared_ptr<curl_transfer>& transfer) { put(verb::remove, transfer); }

 private:
  enum class verb : std::uint8_t { start, resume, remove };
  struct order {
    verb what;
    std::shared_ptr<curl_transfer> transfer;
  };

  void put(verb what, const std::shared_ptr<curl_transfer>& transfer);
  void run();
  void obey(const order& what);
  void collect();
  void drop(CURL* easy);

  const http_client_options options_;
  CURLM* multi_ = nullptr;
  std::atomic<std::size_t> active_{0};
  std::mutex mutex_;
  std::vector<order> orders_;
  bool stopping_ = false;
  /// The thread's own.
  std::unordered_map<CURL*, std::shared_ptr<curl_transfer>> running_;
  std::thread thread_;
};

}  // namespace evergate::net
