#include "upstream/resume_plan.h"

namespace evergate::upstream {

void resume_plan::begin(bool has_url) noexcept {
  has_url_ = has_url;
  tries_ = 0;
  connect_failures_ = 0;
}

url_kind resume_plan::next_url() const noexcept {
  if (!has_url_ || tries_ >= options_.tries_per_url) return url_kind::main;
  // A host that does not answer is tried in turn with the main one, after its own tries.
  const std::uint32_t round = options_.tries_per_url + 1;
  return connect_failures_ % round < options_.tries_per_url ? url_kind::resume : url_kind::main;
}

void resume_plan::on_connect_failed() noexcept {
  ++connect_failures_;
}

void resume_plan::on_resume_sent() noexcept {
  ++tries_;
}

void resume_plan::on_progress() noexcept {
  tries_ = 0;
  connect_failures_ = 0;
}

bool resume_plan::exhausted() const noexcept {
  return tries_ >= options_.tries_per_url * (has_url_ ? 2U : 1U);
}

}  // namespace evergate::upstream
