#include "controllers/script_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "controllers/errc.h"
#include "controllers/script_seat.h"
#include "controllers/script_worker.h"

namespace evergate::decide {
namespace {

constexpr std::uintmax_t file_bytes_max = 1 << 20;

/// FNV-1a; 0 stands for no script.
std::uint32_t version_of(std::string_view text) noexcept {
  std::uint32_t hash = 2'166'136'261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16'777'619u;
  return hash == 0 ? 1 : hash;
}

base::result<std::shared_ptr<script_source>> read_script(const std::filesystem::path& file) {
  std::error_code failed;
  const auto size = std::filesystem::file_size(file, failed);
  if (failed)
    return base::fail(errc::unreadable_script, fmt::format("{}: {}", file.string(), failed.message()));
  if (size > file_bytes_max) {
    return base::fail(errc::bad_script,
                      fmt::format("{}: {} bytes, at most {}", file.string(), size, file_bytes_max));
  }
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return base::fail(errc::unreadable_script, file.string());
  auto out = std::make_shared<script_source>();
  out->name = file.filename().string();
  out->text = std::move(text).str();
  out->version = version_of(out->text);
  return out;
}

std::uint64_t next_id() noexcept {
  static std::atomic<std::uint64_t> last{0};
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// Where this thread last asked: most threads ask one host only.
struct shortcut {
  std::uint64_t host = 0;
  script_worker* worker = nullptr;
};
thread_local shortcut last_asked;

std::vector<std::string_view> names_of(const desk& of) {
  std::vector<std::string_view> out;
  of.each([&out](const auto& slot) { out.push_back(slot.name()); });
  return out;
}

}  // namespace

script_host::script_host(desk& to, script_limits limits, base::logger* log)
    : desk_(to), limits_(limits), log_(log), id_(next_id()), names_(names_of(to)) {
  base::check(names_.size() <= controllers_max, "every controller has a place");
  to.each([this](auto& slot) {
    using kind = std::remove_reference_t<decltype(slot)>;
    auto seat =
        std::make_shared<script_seat<typename kind::question, typename kind::answer>>(*this, doors_.size());
    slot.set_door(seat.get());
    doors_.push_back(std::move(seat));
  });
}

script_host::~script_host() = default;

base::result<void> script_host::check(const std::filesystem::path& file, script_limits limits) {
  const auto source = read_script(file);
  if (!source) return std::unexpected(source.error());
  const auto names = names_of(desk::plain());
  return script_worker(limits, nullptr, names).become(*source);
}

base::result<bool> script_host::load(const std::filesystem::path& file) {
  const auto source = read_script(file);
  if (!source) return std::unexpected(source.error());
  script_worker trial(limits_, nullptr, names_);
  if (auto good = trial.become(*source); !good) return std::unexpected(good.error());
  const auto defined = trial.defined();

  const auto before = desk_.delivery_version();
  const auto place = std::ranges::find(names_, desk_.deliver_event.name()) - names_.begin();
  // The version first: a session that is numbered by the new script never carries the old one's.
  desk_.set_script_version(defined[static_cast<std::size_t>(place)] ? (*source)->version : 0);
  {
    const std::scoped_lock lock(mutex_);
    (*source)->generation = generation_.load(std::memory_order_relaxed) + 1;
    source_ = *source;
    generation_.store((*source)->generation, std::memory_order_release);
    version_.store((*source)->version, std::memory_order_release);
  }
  desk_.each([&, i = std::size_t{0}](auto& slot) mutable { slot.set_scripted(defined[i++]); });
  return desk_.delivery_version() != before;
}

std::shared_ptr<const script_source> script_host::current() const {
  const std::scoped_lock lock(mutex_);
  return source_;
}

script_worker& script_host::mine() {
  if (last_asked.host != id_) {
    const std::scoped_lock lock(mutex_);
    auto& place = workers_[std::this_thread::get_id()];
    if (!place) place = std::make_unique<script_worker>(limits_, log_, names_);
    last_asked = {id_, place.get()};
  }
  auto& worker = *last_asked.worker;
  const bool stale = worker.generation() != generation_.load(std::memory_order_acquire);
  if ((stale || !worker.usable()) && !(stale && worker.busy() && worker.usable())) {
    if (auto made = worker.become(current()); !made) throw script_failure(made.error().detail);
  }
  return worker;
}

}  // namespace evergate::decide
