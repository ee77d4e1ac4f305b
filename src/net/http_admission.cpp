#include "net/http_admission.h"

namespace evergate::net {

std::shared_ptr<http_admission::ticket> http_admission::admit(const std::string& address) {
  {
    const std::scoped_lock lock(mutex_);
    if (connections_ >= connections_max_) return nullptr;
    auto& pending = pending_[address];
    if (pending >= pending_max_) {
      if (pending == 0) pending_.erase(address);
      return nullptr;
    }
    ++pending;
    ++connections_;
  }
  return std::make_shared<ticket>(shared_from_this(), address);
}

void http_admission::leave(const std::string& address, bool pending, bool gone) {
  const std::scoped_lock lock(mutex_);
  if (gone) --connections_;
  if (!pending) return;
  const auto found = pending_.find(address);
  if (--found->second == 0) pending_.erase(found);
}

http_admission::ticket::~ticket() {
  owner_->leave(address_, pending_, true);
}

void http_admission::ticket::head_seen() {
  if (!pending_) return;
  pending_ = false;
  owner_->leave(address_, true, false);
}

}  // namespace evergate::net
