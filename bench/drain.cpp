// evergate-drain: the bot of the benchmark, which does nothing but read. Over a plain WebSocket it identifies
// (or, with --raw, takes whatever comes), counts, acknowledges now and then, and prints a line of JSON
// whenever what it counted has changed: {"frames":N,"bytes":N,"ms":unix time}. With --arrivals FILE it notes
// when each event came; with --bytes-per-second N it reads no faster.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>

namespace {

using clock_type = std::chrono::steady_clock;

struct settings {
  std::uint16_t port = 0;
  std::string path = "/?v=10&encoding=json";
  std::string token;
  std::string shard = "0,1";
  std::uint64_t intents = 0;
  bool raw = false;
  std::string arrivals;
  std::uint64_t bytes_per_second = 0;  ///< 0 = as fast as it can
};

double unix_ms() {
  return std::chrono::duration<double, std::milli>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::uint64_t number_after(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  std::uint64_t out = 0;
  if (at != text.npos) std::from_chars(text.data() + at + key.size(), text.data() + text.size(), out);
  return out;
}

class drain {
 public:
  explicit drain(const settings& s) : s_(s) {
    if (!s_.arrivals.empty()) arrivals_ = std::fopen(s_.arrivals.c_str(), "w");
  }

  int run() {
    if (!open()) return 1;
    started_ = told_ = beaten_ = clock_type::now();
    for (;;) {
      pollfd ready{fd_, POLLIN, 0};
      const int come = ::poll(&ready, 1, 20);
      if (come > 0 && !take()) return 0;
      const auto now = clock_type::now();
      if (!s_.raw && now - beaten_ >= beat_every) acknowledge();
      keep_pace(now);
      if (now - told_ >= std::chrono::milliseconds(20)) tell(now);
    }
  }

 private:
  bool open() {
    fd_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(s_.port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) return false;
    write_all(
        fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
                    s_.path, s_.port));
    std::string head;
    while (!head.ends_with("\r\n\r\n")) {
      char one = 0;
      if (::read(fd_, &one, 1) != 1) return false;
      head += one;
    }
    if (!head.starts_with("HTTP/1.1 101")) return false;
    if (!s_.raw) {
      say(fmt::format(
          R"({{"op":2,"d":{{"token":"{}","intents":{},"shard":[{}],"properties":{{"browser":"evergate-drain"}}}}}})",
          s_.token, s_.intents, s_.shard));
    }
    return true;
  }

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto done = ::write(fd_, bytes.data(), bytes.size());
      if (done <= 0) std::exit(1);
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }
  /// Masked, as a client must, with a key that changes nothing.
  void say(std::string_view text) {
    std::string frame("\x81", 1);
    if (text.size() < 126) {
      frame += static_cast<char>(0x80 | text.size());
    } else {
      frame += static_cast<char>(0x80 | 126);
      frame += static_cast<char>(text.size() >> 8);
      frame += static_cast<char>(text.size() & 0xff);
    }
    frame.append(4, '\0');
    frame += text;
    write_all(frame);
  }

  /// Sleeps until what was read is no more than the pace allows.
  void keep_pace(clock_type::time_point now) {
    if (s_.bytes_per_second == 0) return;
    const std::chrono::duration<double> due(static_cast<double>(bytes_) /
                                            static_cast<double>(s_.bytes_per_second));
    const auto at = started_ + std::chrono::duration_cast<clock_type::duration>(due);
    if (at > now) {
      std::this_thread::sleep_until(at);
    } else {
      started_ += now - at;  // time in which nothing came is not made up for
    }
  }

  bool take() {
    const std::size_t most = s_.bytes_per_second == 0 ? read_bytes : std::size_t{64} * 1024;
    if (size_ + most > buffer_.size()) buffer_.resize(size_ + most);
    const auto got = ::read(fd_, buffer_.data() + size_, most);
    if (got <= 0) return false;
    bytes_ += static_cast<std::uint64_t>(got);
    if (s_.raw) return true;
    size_ += static_cast<std::size_t>(got);
    std::size_t at = 0;
    while (one_frame(at)) {
    }
    std::memmove(buffer_.data(), buffer_.data() + at, size_ - at);
    size_ -= at;
    return true;
  }

  bool one_frame(std::size_t& at) {
    const auto* p = reinterpret_cast<const unsigned char*>(buffer_.data()) + at;
    const std::size_t left = size_ - at;
    if (left < 2) return false;
    std::size_t head = 2;
    std::uint64_t length = p[1] & 0x7f;
    if (length >= 126) {
      const std::size_t more = length == 126 ? 2 : 8;
      head += more;
      if (left < head) return false;
      length = 0;
      for (std::size_t i = 0; i < more; ++i) length = (length << 8) | p[2 + i];
    }
    if (left < head + length) return false;
    const std::string_view text(buffer_.data() + at + head, length);
    at += head + length;
    if (p[0] == 0x88) {
      fmt::print(stderr, "evergate-drain: closed: {}\n", text.size() > 2 ? text.substr(2) : text);
      std::exit(3);
    }
    if (text.starts_with(R"({"t":")")) {
      event(text);
    } else if (text.size() < 64 && text.find(R"("op":1,)") != text.npos) {
      acknowledge();
    }
    return true;
  }

  void event(std::string_view text) {
    ++frames_;
    seq_ = number_after(text.substr(0, 80), R"("s":)");
    if (arrivals_ != nullptr) {
      const auto now = clock_type::now().time_since_epoch().count();
      fmt::print(arrivals_, "{} {}\n", number_after(text.substr(0, 140), R"("_serial":)"), now);
    }
    if (frames_ - acknowledged_ >= acknowledge_every) acknowledge();
  }
  void acknowledge() {
    acknowledged_ = frames_;
    beaten_ = clock_type::now();
    say(fmt::format(R"({{"op":1,"d":{}}})", seq_));
  }

  void tell(clock_type::time_point now) {
    told_ = now;
    if (bytes_ == told_bytes_) return;
    told_bytes_ = bytes_;
    if (arrivals_ != nullptr) std::fflush(arrivals_);
    fmt::print("{{\"frames\":{},\"bytes\":{},\"ms\":{:.3f}}}\n", frames_, bytes_, unix_ms());
    std::fflush(stdout);
  }

  static constexpr std::size_t read_bytes = std::size_t{1} << 20;
  static constexpr std::uint64_t acknowledge_every = 50'000;
  static constexpr std::chrono::seconds beat_every{20};

  const settings& s_;
  int fd_ = -1;
  std::string buffer_;
  std::size_t size_ = 0;
  std::uint64_t frames_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t told_bytes_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::uint64_t seq_ = 0;
  std::FILE* arrivals_ = nullptr;
  clock_type::time_point told_;
  clock_type::time_point beaten_;
  clock_type::time_point started_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"The bot of the benchmark: reads and counts."};
  settings s;
  app.add_option("--port", s.port)->required();
  app.add_option("--path", s.path)->capture_default_str();
  app.add_option("--token", s.token);
  app.add_option("--shard", s.shard)->capture_default_str();
  app.add_option("--intents", s.intents);
  app.add_option("--arrivals", s.arrivals);
  app.add_option("--bytes-per-second", s.bytes_per_second)->capture_default_str();
  app.add_flag("--raw", s.raw);
  CLI11_PARSE(app, argc, argv);
  return drain(s).run();
}
