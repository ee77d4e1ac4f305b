#include "downstream/dead_letters.h"

#include <algorithm>
#include <utility>

namespace evergate::downstream {
namespace {

bool letter_is(const flow::dead_letter& letter, const flow::dead_letter_key& which) {
  return letter.at == which.at && letter.consumer == which.consumer;
}

}  // namespace

void dead_letters::load(std::vector<flow::dead_letter> stored) {
  std::ranges::sort(stored, [](const auto& a, const auto& b) {
    return std::pair(a.time_ms, a.at) < std::pair(b.time_ms, b.at);
  });
  const std::scoped_lock lock(mutex_);
  for (auto& one : stored) {
    bytes_ += one.d.size();
    letters_.push_back(std::make_shared<const flow::dead_letter>(std::move(one)));
  }
}

void dead_letters::add(letter_ptr letter, std::vector<flow::dead_letter_key>& pushed_out) {
  const std::scoped_lock lock(mutex_);
  bytes_ += letter->d.size();
  letters_.push_back(std::move(letter));
  while (letters_.size() > 1 && (letters_.size() > letters_max_ || bytes_ > bytes_max)) {
    const auto& oldest = *letters_.front();
    pushed_out.push_back({oldest.consumer, oldest.at});
    bytes_ -= oldest.d.size();
    letters_.pop_front();
    ++pushed_out_;
  }
}

bool dead_letters::remove(const flow::dead_letter_key& which) {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(letters_, [&](const auto& one) { return letter_is(*one, which); });
  if (found == letters_.end()) return false;
  bytes_ -= (*found)->d.size();
  letters_.erase(found);
  return true;
}

dead_letters::letter_ptr dead_letters::find(const flow::dead_letter_key& which) const {
  const std::scoped_lock lock(mutex_);
  const auto found = std::ranges::find_if(letters_, [&](const auto& one) { return letter_is(*one, which); });
  return found == letters_.end() ? nullptr : *found;
}

std::vector<dead_letters::letter_ptr> dead_letters::list() const {
  const std::scoped_lock lock(mutex_);
  return {letters_.begin(), letters_.end()};
}

std::size_t dead_letters::size() const {
  const std::scoped_lock lock(mutex_);
  return letters_.size();
}

std::uint64_t dead_letters::pushed_out() const {
  const std::scoped_lock lock(mutex_);
  return pushed_out_;
}

}  // namespace evergate::downstream
