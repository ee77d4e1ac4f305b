// One thing that the admin API can do: how it is called, what it takes, and the function that does it. The
// list of them is the router and the OpenAPI document. Values; immutable while the server runs.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace evergate::admin {

struct answer {
  unsigned status = 200;
  std::string body;  ///< JSON
};

/// `{"error":{"code":…,"message":…}}`. `code` is a stable word.
[[nodiscard]] answer failure(unsigned status, std::string_view code, std::string_view message);

/// The way back of one request. To be called once, from any thread; not called, the request is answered 500.
class reply {
 public:
  using maker = std::move_only_function<answer()>;
  using send = std::move_only_function<void(maker)>;
  explicit reply(send to) : send_(std::move(to)) {}
  reply(reply&& other) noexcept : send_(std::exchange(other.send_, nullptr)) {}
  reply& operator=(reply&&) = delete;
  ~reply() {
    if (send_) (*this)(failure(500, "internal", "the request was dropped"));
  }
  void operator()(answer what) {
    made_there([what = std::move(what)]() mutable { return std::move(what); });
  }
  /// The answer is made on the API's thread, and not at all once the API has stopped: what `make` uses needs
  /// to live only as long as the API does.
  void made_there(maker make) {
    if (auto to = std::exchange(send_, nullptr)) to(std::move(make));
  }

 private:
  send send_;
};

struct call {
  std::map<std::string, std::string, std::less<>> path;  ///< of the `{…}` of the operation's path
  std::string body;                                      ///< JSON object, or empty
  /// Parameters of the query, percent-decoded.
  std::function<std::optional<std::string>(std::string_view)> query;
};

struct parameter {
  enum class place : std::uint8_t { path, query, body };
  std::string name;
  place where = place::body;
  std::string type;  ///< of JSON Schema
  bool required = false;
  std::string help;
};

struct operation {
  std::string method;
  std::string path;  ///< for example "/v1/consumers/{name}/drain"
  std::string id;    ///< unique, lower_snake
  std::string summary;
  std::vector<parameter> parameters;
  /// Runs on the API's own thread, which may block on disk for a moment.
  std::function<void(call, reply)> run;
  /// Those that change something are logged with what they were asked.
  [[nodiscard]] bool changes() const noexcept { return method != "GET"; }
};

/// The OpenAPI 3.1 document of the operations.
[[nodiscard]] std::string openapi(const std::vector<operation>& all);

/// The values of `{…}` when `path` is the operation's; nothing otherwise.
[[nodiscard]] std::optional<std::map<std::string, std::string, std::less<>>> match(const operation& one,
                                                                                   std::string_view path);

}  // namespace evergate::admin
