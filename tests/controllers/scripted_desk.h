// A desk with a script, from a file of the test's own.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>

#include "controllers/script_host.h"

namespace evergate::decide::controllers_test {

class script_file {
 public:
  explicit script_file(std::string_view text = {}) {
    static std::atomic<int> last{0};
    folder_ = std::filesystem::temp_directory_path() /
              ("evergate-script-" + std::to_string(::getpid()) + "-" + std::to_string(++last));
    std::filesystem::create_directory(folder_);
    write(text);
  }
  ~script_file() { std::filesystem::remove_all(folder_); }
  script_file(const script_file&) = delete;
  script_file& operator=(const script_file&) = delete;

  void write(std::string_view text) const { std::ofstream(path()) << text; }
  [[nodiscard]] std::filesystem::path path() const { return folder_ / "test.lua"; }

 private:
  std::filesystem::path folder_;
};

struct scripted_desk {
  explicit scripted_desk(std::string_view text, script_limits limits = {}, const controller_table& table = {},
                         base::logger* log = nullptr)
      : file(text), asked(table, log, std::chrono::seconds(10)), host(asked, limits, log) {
    const auto done = host.load(file.path());
    if (!done) problem = done.error().detail;
  }

  [[nodiscard]] base::result<bool> reload(std::string_view text) {
    file.write(text);
    return host.load(file.path());
  }

  script_file file;
  desk asked;
  script_host host;
  std::string problem;  ///< of the first load; empty = none
};

}  // namespace evergate::decide::controllers_test
