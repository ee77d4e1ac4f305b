#include "upstream/resume_plan.h"

namespace evergate::upstream {

void resume_plan::begin(bool has_url) noexcept {
  has_url_ = has_url;
  own_slow_ = false;
  main_first_ = false;
  detour_ = false;
  used_main_ = false;  // it came by IDENTIFY on the main URL, which says nothing about its own
  tries_ = 0;
  connect_failures_ = 0;
}

url_kind resume_plan::next_url() noexcept {
  const bool half_done = tries_ >= options_.tries_per_url;
  used_main_ = !has_url_ || (main_first_ != half_done) != detour_;
  return used_main_ ? url_kind::main : url_kind::resume;
}

void resume_plan::on_connect_failed(bool slow) noexcept {
  if (!slow && ++connect_failures_ < options_.tries_per_url) return;
  connect_failures_ = 0;
  if (slow && !used_main_) own_slow_ = true;
  detour_ = !detour_;
}

void resume_plan::on_resume_sent() noexcept {
  ++tries_;
}

void resume_plan::on_progress() noexcept {
  if (!used_main_) own_slow_ = false;
  main_first_ = used_main_ && own_slow_;
  detour_ = false;
  tries_ = 0;
  connect_failures_ = 0;
}

bool resume_plan::exhausted() const noexcept {
  return tries_ >= options_.tries_per_url * (has_url_ ? 2U : 1U);
}

}  // namespace evergate::upstream
